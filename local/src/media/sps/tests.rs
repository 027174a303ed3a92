use proptest::prelude::*;

use super::*;
use crate::media::testing::bits::BitWriter;

/// What an H.264 parameter set says, of which the size is but a little.
#[derive(Debug, Clone)]
struct H264 {
    profile: u8,
    chroma: u32,
    separate_planes: bool,
    /// For each of twelve: none, or its differences.
    lists: Option<Vec<Option<Vec<i32>>>>,
    order: u32,
    cycle: Vec<i32>,
    blocks: (u32, u32),
    frames_only: bool,
    crop: Option<[u32; 4]>,
}

fn h264_set() -> impl Strategy<Value = H264> {
    let list = prop::option::of(prop::collection::vec(-128i32..128, 64));
    (
        prop::sample::select(vec![66u8, 77, 88, 100, 110, 122, 244, 44, 118, 128]),
        (0u32..4, any::<bool>()),
        prop::option::of(prop::collection::vec(list, 12)),
        (0u32..3, prop::collection::vec(any::<i16>().prop_map(i32::from), 0..10)),
        (1u32..500, 1u32..300),
        any::<bool>(),
        prop::option::of([0u32..2, 0..2, 0..2, 0..2]),
    )
        .prop_map(|(profile, (chroma, separate_planes), lists, (order, cycle), blocks, frames_only, crop)| H264 {
            profile,
            chroma,
            separate_planes,
            lists,
            order,
            cycle,
            blocks,
            frames_only,
            crop,
        })
}

impl H264 {
    fn write(&self) -> Vec<u8> {
        let mut w = BitWriter::default();
        w.bits(8, self.profile.into());
        w.bits(16, 0); // zeros, which bring emulation prevention with them
        w.ue(0);
        if WITH_CHROMA.contains(&self.profile) {
            w.ue(self.chroma);
            if self.chroma == 3 {
                w.flag(self.separate_planes);
            }
            w.ue(0);
            w.ue(0);
            w.flag(false);
            w.flag(self.lists.is_some());
            let count = if self.chroma == 3 { 12 } else { 8 };
            for (index, list) in self.lists.iter().flat_map(|lists| &lists[..count]).enumerate() {
                w.flag(list.is_some());
                list.iter().for_each(|list| scaling_list(&mut w, &list[..if index < 6 { 16 } else { 64 }]));
            }
        }
        w.ue(4);
        w.ue(self.order);
        match self.order {
            0 => w.ue(4),
            1 => {
                w.flag(true);
                w.se(-3);
                w.se(7);
                w.ue(u32::try_from(self.cycle.len()).unwrap());
                self.cycle.iter().for_each(|offset| w.se(*offset));
            }
            _ => {}
        }
        w.ue(3);
        w.flag(false);
        w.ue(self.blocks.0 - 1);
        w.ue(self.blocks.1 - 1);
        w.flag(self.frames_only);
        if !self.frames_only {
            w.flag(true);
        }
        w.flag(true);
        w.flag(self.crop.is_some());
        self.crop.iter().flatten().for_each(|crop| w.ue(*crop));
        w.flag(false);
        w.nal(&[0x67])
    }

    fn size(&self) -> (u32, u32) {
        let chroma = if WITH_CHROMA.contains(&self.profile) { self.chroma } else { 1 };
        let (x, y) = match chroma {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let fields = if self.frames_only { 1 } else { 2 };
        let [left, right, top, bottom] = self.crop.unwrap_or_default();
        let (across, down) = self.blocks;
        (across * 16 - (left + right) * x, down * 16 * fields - (top + bottom) * y * fields)
    }
}

/// As 7.3.2.1.1.1 has it: nothing more is said once the next scale is 0.
fn scaling_list(w: &mut BitWriter, differences: &[i32]) {
    let (mut last, mut next) = (8, 8);
    for difference in differences {
        if next != 0 {
            w.se(*difference);
            next = (last + difference + 256) % 256;
        }
        last = if next == 0 { last } else { next };
    }
}

/// What an HEVC parameter set says.
#[derive(Debug, Clone)]
struct Hevc {
    layers: Vec<(bool, bool)>,
    chroma: u32,
    size: (u32, u32),
    crop: Option<[u32; 4]>,
}

fn hevc_set() -> impl Strategy<Value = Hevc> {
    (
        prop::collection::vec(any::<(bool, bool)>(), 0..7),
        0u32..4,
        (8u32..8192, 8u32..8192),
        prop::option::of([0u32..2, 0..2, 0..2, 0..2]),
    )
        .prop_map(|(layers, chroma, size, crop)| Hevc { layers, chroma, size, crop })
}

impl Hevc {
    fn write(&self) -> Vec<u8> {
        let mut w = BitWriter::default();
        w.bits(4, 0);
        w.bits(3, self.layers.len() as u64);
        w.flag(true);
        w.bits(8, 1);
        w.bits(32, 0x6000_0000);
        w.bits(48, 0);
        w.bits(8, 93);
        for (profile, level) in &self.layers {
            w.flag(*profile);
            w.flag(*level);
        }
        if !self.layers.is_empty() {
            w.bits(2 * (8 - self.layers.len() as u32), 0);
        }
        for (profile, level) in &self.layers {
            w.bits(if *profile { 88 } else { 0 }, 0);
            w.bits(if *level { 8 } else { 0 }, 93);
        }
        w.ue(0);
        w.ue(self.chroma);
        if self.chroma == 3 {
            w.flag(false);
        }
        w.ue(self.size.0);
        w.ue(self.size.1);
        w.flag(self.crop.is_some());
        self.crop.iter().flatten().for_each(|crop| w.ue(*crop));
        w.bits(16, 0xffff);
        w.nal(&[0x42, 1])
    }

    fn size(&self) -> (u32, u32) {
        let (x, y) = [(1, 1), (2, 2), (2, 1), (1, 1)][self.chroma as usize];
        let [left, right, top, bottom] = self.crop.unwrap_or_default();
        (self.size.0 - (left + right) * x, self.size.1 - (top + bottom) * y)
    }
}

fn size(size: Option<Size>) -> Option<(u32, u32)> {
    size.map(|size| (size.width.into(), size.height.into()))
}

proptest! {
    #[test]
    fn the_size_in_any_h264_parameter_set_is_read(set in h264_set()) {
        prop_assert_eq!(size(h264(&set.write())), Some(set.size()));
    }

    #[test]
    fn the_size_in_any_hevc_parameter_set_is_read(set in hevc_set()) {
        prop_assert_eq!(size(hevc(&set.write())), Some(set.size()));
    }

    #[test]
    fn a_parameter_set_that_is_cut_short_or_changed_is_read_or_not_and_never_panics(
        h in h264_set(), e in hevc_set(), cut in 0usize..200, at in 0usize..200, to in any::<u8>()
    ) {
        for mut set in [h.write(), e.write()] {
            set.truncate(cut);
            if let Some(byte) = set.get_mut(at) {
                *byte = to;
            }
            let _ = (h264(&set), hevc(&set));
        }
    }
}

#[test]
fn the_sizes_that_x264_and_x265_write_are_read() {
    // 1920x1080 of x264, High profile: cropped by eight lines.
    let x264 = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
        0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
    ];
    assert_eq!(size(h264(&x264)), Some((1920, 1080)));
    let x265 = [
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78,
        0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x69, 0x24, 0xca, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x00, 0x03,
        0x00, 0x80, 0x00, 0x00, 0x0f, 0x04,
    ];
    assert_eq!(size(hevc(&x265)), Some((1920, 1080)));
}

#[test]
fn a_nal_unit_of_another_kind_is_no_parameter_set() {
    assert_eq!(h264(&[0x68, 0xce, 0x38, 0x80]), None);
    assert_eq!(hevc(&[0x40, 1, 0x0c, 1]), None);
    assert_eq!((h264(&[]), hevc(&[])), (None, None));
}
