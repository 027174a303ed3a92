/** The address to share: the page's own without query and fragment, in which nothing of ours is. */
export function shareUrl(origin: string, channel: string): string {
  return `${origin}/watch/${encodeURIComponent(channel)}`;
}

/** The element that shows the channel in somebody else's page. */
export function iframeOf(origin: string, channel: string): string {
  const title = `Live: ${channel}`.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return (
    `<iframe src="${shareUrl(origin, channel)}?embed" title="${title}" width="640" height="360" style="border:0" ` +
    'allow="autoplay; fullscreen; picture-in-picture"></iframe>'
  );
}
