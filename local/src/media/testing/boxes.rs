//! Reads boxes back, and checks that sizes and offsets agree.

/// A box: its kind and what is in it.
pub(crate) type Entry<'a> = (&'a str, &'a [u8]);

/// The boxes that `bytes` is made of, to its last byte.
pub(crate) fn boxes(mut bytes: &[u8]) -> Vec<Entry<'_>> {
    let mut boxes = Vec::new();
    while !bytes.is_empty() {
        let size = u32_at(bytes, 0) as usize;
        assert!(size >= 8 && size <= bytes.len(), "a box of {size} bytes where {} are left", bytes.len());
        boxes.push((std::str::from_utf8(&bytes[4..8]).unwrap(), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    boxes
}

/// What is in the only box at this path, such as `moov/trak/mdia`.
pub(crate) fn inside<'a>(bytes: &'a [u8], path: &str) -> &'a [u8] {
    path.split('/').fold(bytes, |bytes, kind| {
        let found: Vec<_> = boxes(bytes).into_iter().filter(|(found, _)| *found == kind).collect();
        assert_eq!(found.len(), 1, "{kind} of {path}");
        found[0].1
    })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A fragment as a player reads it.
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) sequence: u32,
    /// Time, id and text of timed metadata.
    pub(crate) events: Vec<(u64, u32, String)>,
    pub(crate) tracks: Vec<Track>,
}

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: u32,
    pub(crate) decode: u64,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) duration: u32,
    pub(crate) key: bool,
    pub(crate) composition_offset: i32,
    pub(crate) data: Vec<u8>,
}

impl Fragment {
    pub(crate) fn track(&self, id: u32) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }
}

/// The fragments that `bytes` is made of.
pub(crate) fn fragments(bytes: &[u8]) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    let mut events = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for (kind, body) in boxes(bytes) {
        match kind {
            "emsg" if body[0] == 1 => events.push(event(body)),
            // The same again, for Amazon's player.
            "emsg" => assert_eq!(events.last().map(|(_, id, text)| (*id, text.clone())), Some(relative_event(body))),
            "moof" => start = at,
            "mdat" => fragments.push(fragment(&bytes[start..at + 8 + body.len()], std::mem::take(&mut events))),
            other => panic!("{other} among fragments"),
        }
        at += 8 + body.len();
    }
    assert!(events.is_empty(), "an event without a fragment");
    fragments
}

/// `bytes` is a `moof` and its `mdat`.
fn fragment(bytes: &[u8], events: Vec<(u64, u32, String)>) -> Fragment {
    let moof = inside(bytes, "moof");
    let mut next = moof.len() + 16;
    let tracks = boxes(moof).into_iter().filter(|(kind, _)| *kind == "traf").map(|(_, traf)| {
        let (header, run) = (inside(traf, "tfhd"), inside(traf, "trun"));
        assert_eq!(u32_at(header, 0), 0x2_0000);
        assert_eq!(u32_at(run, 0), 0x100_0f01);
        let count = u32_at(run, 4) as usize;
        assert_eq!(run.len(), 12 + 16 * count);
        assert_eq!(u32_at(run, 8) as usize, next, "samples follow each other without a gap");
        let samples = (0..count).map(|index| {
            let at = 12 + 16 * index;
            let size = u32_at(run, at + 4) as usize;
            let data = bytes[next..next + size].to_vec();
            next += size;
            let key = match u32_at(run, at + 8) {
                0x0200_0000 => true,
                0x0101_0000 => false,
                other => panic!("flags {other:x}"),
            };
            let composition_offset = u32_at(run, at + 12).cast_signed();
            Sample { duration: u32_at(run, at), key, composition_offset, data }
        });
        let samples = samples.collect();
        Track { id: u32_at(header, 4), decode: u64_at(inside(traf, "tfdt"), 4), samples }
    });
    let tracks = tracks.collect();
    assert_eq!(next, bytes.len(), "all of the mdat is of samples");
    Fragment { sequence: u32_at(inside(moof, "mfhd"), 4), events, tracks }
}

fn event(body: &[u8]) -> (u64, u32, String) {
    assert_eq!((u32_at(body, 0), u32_at(body, 4)), (0x100_0000, 90_000));
    let scheme = b"https://aomedia.org/emsg/ID3\0\0";
    assert!(body[24..].starts_with(scheme));
    (u64_at(body, 8), u32_at(body, 20), text(&body[24 + scheme.len()..]))
}

fn relative_event(body: &[u8]) -> (u32, String) {
    let scheme = b"urn:twitch:id3\0\0";
    assert!(body[..4] == [0; 4] && body[4..].starts_with(scheme));
    let rest = &body[4 + scheme.len()..];
    assert_eq!(u32_at(rest, 0), 90_000);
    (u32_at(rest, 12), text(&rest[16..]))
}

/// That of an ID3 tag.
fn text(tag: &[u8]) -> String {
    let size = |at: usize| tag[at..at + 4].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    assert_eq!((&tag[..6], &tag[10..14]), (&b"ID3\x04\0\0"[..], &b"TXXX"[..]));
    assert_eq!((size(6), size(14)), (tag.len() - 10, tag.len() - 20));
    assert_eq!(&tag[18..22], [0, 0, 3, 0]);
    String::from_utf8(tag[22..].to_vec()).unwrap()
}
