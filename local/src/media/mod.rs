//! The media plane: IVS's low-latency HLS, made of what a publisher sends.

mod cmaf;
pub(crate) mod hls;
mod sps;
#[cfg(test)]
mod testing;
