//! An encoder made by hand.

use bytes::{Bytes, BytesMut};
use rtmp::amf::{Value as Amf, amf0};
use rtmp::chunk::{Message, Writer};
use rtmp::client::Event;
use rtmp::flv::{VideoCodec, aac_config, aac_frame};
use rtmp::{ClientSession, Output, StreamKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// 320x180, Constrained Baseline, as x264 writes it.
pub(super) const AVC: &[u8] = &[
    0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10,
    0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80, 0x01, 0x00, 0x05, 0x68, 0xcb,
    0x83, 0xcb, 0x20,
];
/// AAC-LC, 48 kHz, stereo.
const AAC: &[u8] = &[0x11, 0x90];
/// A NAL unit of a key frame, its length before it.
pub(super) const SLICE: &[u8] = &[0, 0, 0, 5, 0x65, 0x88, 0x84, 0x00, 0x10];
/// Milliseconds from one frame to the next.
const FRAME: u32 = 40;
/// Frames of what is sent at once: two seconds.
const FRAMES: u32 = 50;

/// What an encoder is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Published,
    Rejected(String, String),
    /// Code and description.
    Stopped(String, String),
    /// The connection is at its end.
    Closed,
}

impl Said {
    /// That of a server which has no more to say.
    pub(super) fn stopped() -> Self {
        Self::Stopped("NetStream.Unpublish.Success".to_owned(), "stopped by the server".to_owned())
    }
}

pub(super) struct Encoder {
    stream: DuplexStream,
    session: ClientSession,
    time: u32,
}

impl Encoder {
    pub(super) fn new(stream: DuplexStream, key: &str) -> Self {
        Self::of(stream, "app", key)
    }

    pub(super) fn of(stream: DuplexStream, app: &str, key: &str) -> Self {
        let session = ClientSession::new(app, "rtmps://127.0.0.1:1936/app", StreamKey::new(key.to_owned()));
        Self { stream, session, time: 0 }
    }

    /// The next that the server says of the publish.
    pub(super) async fn hear(&mut self) -> Said {
        let mut bytes = BytesMut::new();
        loop {
            if let Some(said) = self.flush().await {
                return said;
            }
            match self.stream.read_buf(&mut bytes).await {
                Ok(count) if count > 0 => self.session.input(&bytes).unwrap(),
                _ => return Said::Closed,
            }
            bytes.clear();
        }
    }

    /// Sends what waits; answers what the server said.
    async fn flush(&mut self) -> Option<Said> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => {
                    // The server may be gone.
                    let _ = self.stream.write_all(&bytes).await;
                }
                Output::Event(Event::Published) => return Some(Said::Published),
                Output::Event(Event::Rejected { code, description }) => return Some(Said::Rejected(code, description)),
                Output::Event(Event::Stopped { code, description }) => return Some(Said::Stopped(code, description)),
                Output::Event(_) => {}
                Output::Close => return Some(Said::Closed),
            }
        }
        None
    }

    /// Two seconds of video and audio, with a key frame each second.
    pub(super) async fn send_media(&mut self) {
        self.configure(AVC).await;
        self.send_frames().await;
    }

    pub(super) async fn configure(&mut self, avc: &[u8]) {
        self.session.video(self.time, VideoCodec::Avc.config(avc)).unwrap();
        self.session.audio(self.time, aac_config(AAC)).unwrap();
        assert_eq!(self.flush().await, None);
    }

    pub(super) async fn send_frames(&mut self) {
        for number in 0..FRAMES {
            let frame = VideoCodec::Avc.frame(number % (FRAMES / 2) == 0, 0, SLICE);
            self.session.video(self.time, frame).unwrap();
            self.session.audio(self.time, aac_frame(&[0x21; 64])).unwrap();
            self.time += FRAME;
        }
        assert_eq!(self.flush().await, None);
    }

    /// A video message as it is.
    pub(super) async fn send_video(&mut self, body: Bytes) {
        self.session.video(self.time, body).unwrap();
        assert_eq!(self.flush().await, None);
    }

    pub(super) async fn metadata(&mut self, fields: Vec<(String, rtmp::amf::Value)>) {
        self.session.metadata(fields).unwrap();
        assert_eq!(self.flush().await, None);
    }

    /// Ends the publish and asks for another one, by the same connection and without waiting for any answer.
    pub(super) async fn publish_again(&mut self, key: &str) {
        let (mut writer, mut bytes) = (Writer::default(), BytesMut::new());
        let text = |text: &str| Amf::String(text.to_owned());
        for command in [
            [text("deleteStream"), Amf::Number(7.0), Amf::Null, Amf::Number(1.0)],
            [text("publish"), Amf::Number(8.0), Amf::Null, text(key)],
        ] {
            let message = Message { timestamp: 0, kind: 20, stream: 1, body: amf0::write(&command) };
            writer.write(3, &message, &mut bytes);
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Ends as an encoder does that is told to.
    pub(super) async fn unpublish(mut self) {
        self.session.unpublish();
        while self.flush().await.is_none_or(|said| said != Said::Closed) {}
    }
}
