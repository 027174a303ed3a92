//! What media a channel's type takes ("Service Quotas" in the IVS Low-Latency user guide).

use super::event::Breach;

/// Pixels of 1080p.
const FULL_HD: u64 = 1920 * 1080;
/// Pixels of 480p, up to which a basic channel takes less.
const SD: u64 = 852 * 480;

/// The breach by media of this many bits a second and pixels, in a channel of this type; width and height are 0 as
/// long as they are not known.
pub(super) fn breach(channel_type: &str, bits_per_second: u64, width: u64, height: u64) -> Option<Breach> {
    let pixels = width * height;
    if pixels > FULL_HD {
        let exceeded_by = pixels - FULL_HD;
        return Some(Breach { name: "Ingest Resolution", limit: FULL_HD, exceeded_by, unit: "total pixels" });
    }
    let limit = match channel_type {
        "BASIC" if pixels <= SD => 1_500_000,
        "BASIC" => 3_500_000,
        _ => 8_500_000,
    };
    (bits_per_second > limit).then(|| Breach {
        name: "Ingest Bitrate",
        limit,
        exceeded_by: bits_per_second - limit,
        unit: "bits per second",
    })
}

#[cfg(test)]
mod tests {
    use super::breach;

    #[test]
    fn a_channel_type_takes_so_many_bits_and_pixels() {
        for (channel_type, bits, width, height, expected) in [
            ("STANDARD", 8_500_000, 1920, 1080, None),
            ("STANDARD", 8_500_001, 1920, 1080, Some(("Ingest Bitrate", 1))),
            ("STANDARD", 1, 1080, 1920, None),
            ("STANDARD", 1, 1922, 1080, Some(("Ingest Resolution", 2160))),
            ("ADVANCED_HD", 8_500_000, 0, 0, None),
            ("BASIC", 1_500_000, 852, 480, None),
            ("BASIC", 1_600_000, 852, 480, Some(("Ingest Bitrate", 100_000))),
            ("BASIC", 3_500_000, 1280, 720, None),
            ("BASIC", 3_500_010, 1280, 720, Some(("Ingest Bitrate", 10))),
        ] {
            let found = breach(channel_type, bits, width, height).map(|breach| (breach.name, breach.exceeded_by));
            assert_eq!(found, expected, "{channel_type} {bits} {width}x{height}");
        }
    }
}
