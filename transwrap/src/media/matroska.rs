//! The header of a recording: which tracks there are, and of which codecs. It decides what is copied and what is transcoded; what
//! the page says of the recording does not: Firefox knows its own type only once it has begun.

/// Elements that are looked into, or that end the header.
const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
/// Types of tracks.
const TYPE_VIDEO: u64 = 1;
const TYPE_AUDIO: u64 = 2;
/// A browser's header has some hundred bytes.
pub(crate) const LONGEST_HEADER: usize = 64 << 10;

/// What a recording holds: the first track of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The video, if there is any.
    pub video: Option<VideoTrack>,
    /// Whether there is audio. It is transcoded whatever it is.
    pub audio: bool,
}

/// A track of video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTrack {
    /// Whether it is H.264, which is copied. VP8, VP9, AV1 and HEVC are transcoded.
    pub h264: bool,
    /// Its width in pixels; 0 if it is not said.
    pub width: u32,
    /// Its height in pixels; 0 if it is not said.
    pub height: u32,
}

/// Why a recording cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It does not begin as Matroska and WebM do: another container, or a recording from its middle on.
    #[error("the recording does not begin as Matroska or WebM")]
    NotMatroska,
    /// Its header cannot be read.
    #[error("the recording's header is damaged")]
    Damaged,
    /// A codec that is neither copied nor transcoded.
    #[error("the recording has a codec that is not taken")]
    Codec,
    /// Nothing to be seen or heard.
    #[error("the recording has neither video nor audio")]
    NoTracks,
}

/// Reads the header, if all of it is there. Fails as soon as it is known that it cannot be used.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let begins = EBML.to_be_bytes();
    let known = bytes.len().min(begins.len());
    if bytes[..known] != begins[..known] {
        return Err(HeaderError::NotMatroska);
    }
    let mut reader = Reader(bytes);
    while let Some((id, size)) = reader.element()? {
        match (id, size) {
            // Its size is unknown while it is being recorded. What it holds follows.
            (SEGMENT, _) => {}
            (TRACKS, Some(size)) if size <= LONGEST_HEADER => match reader.take(size) {
                Some(tracks) => return tracks_of(tracks).map(Some),
                None => break,
            },
            (CLUSTER, _) => return Err(HeaderError::NoTracks),
            (_, Some(size)) if size <= LONGEST_HEADER => {
                if reader.take(size).is_none() {
                    break;
                }
            }
            _ => return Err(HeaderError::Damaged),
        }
    }
    if bytes.len() > LONGEST_HEADER { Err(HeaderError::Damaged) } else { Ok(None) }
}

fn tracks_of(tracks: &[u8]) -> Result<Header, HeaderError> {
    let mut header = Header { video: None, audio: false };
    for (id, track) in children(tracks)? {
        if id != TRACK_ENTRY {
            continue;
        }
        let (mut kind, mut codec, mut size) = (0, &b""[..], (0, 0));
        for (id, value) in children(track)? {
            match id {
                TRACK_TYPE => kind = number(value),
                CODEC_ID => codec = value,
                VIDEO => {
                    for (id, value) in children(value)? {
                        match id {
                            PIXEL_WIDTH => size.0 = number(value),
                            PIXEL_HEIGHT => size.1 = number(value),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        match kind {
            TYPE_VIDEO if header.video.is_none() => {
                let h264 = match codec {
                    b"V_MPEG4/ISO/AVC" => true,
                    b"V_VP8" | b"V_VP9" | b"V_AV1" | b"V_MPEGH/ISO/HEVC" => false,
                    _ => return Err(HeaderError::Codec),
                };
                let pixels = |count| u32::try_from(count).unwrap_or_default();
                header.video = Some(VideoTrack { h264, width: pixels(size.0), height: pixels(size.1) });
            }
            TYPE_AUDIO if !header.audio => match codec {
                b"A_OPUS" | b"A_VORBIS" | b"A_AAC" | b"A_PCM/INT/LIT" | b"A_PCM/FLOAT/IEEE" => header.audio = true,
                _ => return Err(HeaderError::Codec),
            },
            _ => {}
        }
    }
    if header.video.is_none() && !header.audio { Err(HeaderError::NoTracks) } else { Ok(header) }
}

/// The elements that an element holds, all of which have to be there.
fn children(bytes: &[u8]) -> Result<Vec<(u32, &[u8])>, HeaderError> {
    let (mut reader, mut children) = (Reader(bytes), Vec::new());
    while !reader.0.is_empty() {
        let Some((id, Some(size))) = reader.element()? else { return Err(HeaderError::Damaged) };
        children.push((id, reader.take(size).ok_or(HeaderError::Damaged)?));
    }
    Ok(children)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The beginning of an element: its id, and its size unless that is unknown.
    fn element(&mut self) -> Result<Option<(u32, Option<usize>)>, HeaderError> {
        let before = self.0;
        let (Some((id, _)), Some((size, bits))) = (self.varint(4)?, self.varint(8)?) else {
            self.0 = before;
            return Ok(None);
        };
        let value = size & ((1 << bits) - 1);
        let unknown = value == (1 << bits) - 1;
        let size = if unknown { None } else { Some(usize::try_from(value).map_err(|_| HeaderError::Damaged)?) };
        Ok(Some((id as u32, size)))
    }

    /// A number of one to `longest` bytes with its marker, and how many of its bits are the number's.
    fn varint(&mut self, longest: usize) -> Result<Option<(u64, u32)>, HeaderError> {
        let Some(first) = self.0.first() else { return Ok(None) };
        let length = first.leading_zeros() as usize + 1;
        if length > longest {
            return Err(HeaderError::Damaged);
        }
        Ok(self.take(length).map(|bytes| (number(bytes), 7 * length as u32)))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(id: u32, body: &[u8]) -> Vec<u8> {
        let id = id.to_be_bytes();
        let start = id.iter().position(|byte| *byte != 0).unwrap_or(3);
        // A size of two bytes.
        [&id[start..], &(0x4000 | body.len() as u16).to_be_bytes(), body].concat()
    }

    fn track(kind: u8, codec: &str) -> Vec<u8> {
        let size = [element(PIXEL_WIDTH, &[5, 0]), element(PIXEL_HEIGHT, &[2, 208])].concat();
        let video = if kind == 1 { element(VIDEO, &size) } else { Vec::new() };
        element(TRACK_ENTRY, &[element(TRACK_TYPE, &[kind]), element(CODEC_ID, codec.as_bytes()), video].concat())
    }

    fn recording(tracks: &[Vec<u8>]) -> Vec<u8> {
        let segment = b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff";
        let cluster = b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff";
        let info = element(0x1549_a966, b"info");
        [&element(EBML, b"about")[..], segment, &info, &element(TRACKS, &tracks.concat()), cluster].concat()
    }

    #[test]
    fn chromiums_h264_is_to_be_copied_and_firefoxs_vp8_is_not() {
        for (codec, h264) in [("V_MPEG4/ISO/AVC", true), ("V_VP8", false), ("V_VP9", false), ("V_AV1", false)] {
            let video = Some(VideoTrack { h264, width: 1280, height: 720 });
            let both = recording(&[track(1, codec), track(2, "A_OPUS")]);
            assert_eq!(header(&both), Ok(Some(Header { video, audio: true })));
        }
    }

    #[test]
    fn one_kind_of_track_is_enough() {
        let audio = recording(&[track(2, "A_OPUS")]);
        assert_eq!(header(&audio), Ok(Some(Header { video: None, audio: true })));
        let video = header(&recording(&[track(1, "V_VP8")])).unwrap().unwrap();
        assert!(video.video.is_some() && !video.audio);
        assert_eq!(header(&recording(&[track(17, "S_TEXT/UTF8")])), Err(HeaderError::NoTracks));
    }

    #[test]
    fn a_codec_that_nobody_can_make_h264_of_is_refused() {
        assert_eq!(header(&recording(&[track(1, "V_MS/VFW/FOURCC")])), Err(HeaderError::Codec));
        assert_eq!(header(&recording(&[track(1, "V_VP8"), track(2, "A_TRUEHD")])), Err(HeaderError::Codec));
    }

    #[test]
    fn another_container_is_refused_at_its_first_byte() {
        for other in [&b"\0\0\0\x20ftyp"[..], b"\0", b"\x1f\x43\xb6\x75", b"OggS"] {
            assert_eq!(header(other), Err(HeaderError::NotMatroska));
        }
    }

    #[test]
    fn a_header_that_never_ends_is_refused() {
        let mut endless = element(EBML, b"about");
        for _ in 0..6 {
            endless.extend(element(0xec, &[0; 12 << 10]));
        }
        assert_eq!(header(&endless), Err(HeaderError::Damaged));
        let huge = [&element(EBML, b"about")[..], b"\xec\x08\xff\xff\xff\xff"].concat();
        assert_eq!(header(&huge), Err(HeaderError::Damaged));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_header_is_read_once_the_last_of_its_bytes_is_there(part in 0.0..1.0f64) {
            let whole = recording(&[track(1, "V_VP8"), track(2, "A_OPUS")]);
            // The cluster's 12 bytes are not needed.
            let part = ((whole.len() - 12) as f64 * part) as usize;
            prop_assert_eq!(header(&whole[..part]), Ok(None));
            prop_assert!(header(&whole[..whole.len() - 12]).unwrap().is_some());
        }

        #[test]
        fn damage_is_survived(place in 0usize..120, byte: u8) {
            let mut whole = recording(&[track(1, "V_VP8"), track(2, "A_OPUS")]);
            let place = place % whole.len();
            whole[place] = byte;
            let _ = header(&whole);
        }
    }
}
