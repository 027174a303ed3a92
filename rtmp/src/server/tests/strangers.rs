use super::*;

fn first_words(bytes: &[u8]) -> Result<(), Error> {
    let mut session = ServerSession::new(Limits::default());
    let result = session.input(bytes);
    if result.is_err() {
        assert_eq!(session.poll(), Some(Output::Close));
    }
    assert_eq!(session.poll(), None);
    result
}

#[test]
fn who_speaks_something_else_is_told_from_the_first_byte() {
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\r\n"[..], Error::Http),
        (b"POST /", Error::Http),
        (b"P", Error::Http),
        (b"\x16\x03\x01\x02\x00", Error::Tls),
        // RTMPE, and a version before.
        (b"\x06", Error::Version),
        (b"\x00", Error::Version),
        (b"\xff\xd8", Error::NotRtmp),
        (b"SSH-2.0", Error::NotRtmp),
    ] {
        assert_eq!(first_words(bytes), Err(error), "{bytes:02x?}");
    }
    assert_eq!(first_words(b"\x03"), Ok(()));
    assert_eq!(first_words(b""), Ok(()));
}

#[test]
fn the_first_packet_is_echoed_also_a_signed_one() {
    let mut session = ServerSession::new(Limits::default());
    let mut hello = vec![3, 0, 0, 0, 0, 0x80, 0, 7, 2];
    hello.extend((0..1528).map(|at| (at * 7) as u8));
    for byte in &hello {
        assert_eq!(session.poll(), None);
        session.input(&[*byte]).unwrap();
    }
    let Some(Output::Transmit(answer)) = session.poll() else { panic!("no answer") };
    assert_eq!(answer.len(), 1 + 1536 * 2);
    assert_eq!(answer[0], 3);
    assert_eq!(answer[1537..], hello[1..]);
    // What comes back is not looked at.
    session.input(&[0xaa; 1536]).unwrap();
    assert_eq!((session.poll(), session.buffered()), (None, 0));
}

#[test]
fn random_bytes_after_a_version_that_is_right_are_an_error() {
    let mut peer = Peer::new();
    let noise: Vec<u8> = (0..4000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(peer.bytes(&noise).is_err());
    assert!(peer.closed);
}
