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

/** `1:02:03` or `2:03` of milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
