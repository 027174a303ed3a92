//! How many participant tokens one core signs in a second, in process: claims to JSON, base64 and the signature, by what the
//! participant function signs with; no request, no table. Beside it, in turns and on the same key and as many bytes, bare
//! P-384 signatures of aws-lc-rs: the ratio of the two is what this code adds, and holds on any machine.
//!
//! ```sh
//! cargo bench -p aws-signer --bench mint
//! ```
//!
//! It builds with the profile that is deployed, which takes minutes the first time, and then takes five seconds. It wants a
//! core that nobody else uses. Nothing is held to a time: the least that one core should do is 8,000 tokens a second.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it has measured")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::participant::{Attributes, Capabilities};
use model::signing::{KeyPair, Signer};
use model::token::{ParticipantSigner, TokenClaims};
use model::{ParticipantId, StageArn, Timestamp, UserId};

/// Rounds, of which the median counts; the quartiles are told with it.
const ROUNDS: usize = 201;
/// Tokens, and then signatures, of a round.
const OF_A_ROUND: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let pem = KeyPair::generate()?.private;
    let signer =
        ParticipantSigner::from_secret("arn:aws:ivs:us-east-1:123456789012:public-key/aBcDeFgHiJkL", pem.expose())?;
    let body: String = pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
    let bare = EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, &BASE64_STANDARD.decode(body)?)?;

    let (user, stage): (UserId, StageArn) =
        ("auth0|5f7c8ec7c33c6c004bbafe82".parse()?, "arn:aws:ivs:us-east-1:123456789012:stage/oRmLNwuCeMlQ".parse()?);
    let attributes = Attributes::try_from([("name".to_owned(), "Bob".to_owned())])?;
    let issued_at: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    let mint = || -> Result<_, Box<dyn Error>> {
        let token = signer.sign(&TokenClaims {
            participant_id: &ParticipantId::random()?,
            user_id: &user,
            stage: &stage,
            events_url: "wss://global.events.live-video.net",
            whip_url: "https://114ddfabadaf.global-bm.whip.live-video.net",
            capabilities: Capabilities::ALL,
            attributes: &attributes,
            issued_at,
            expires_at: issued_at + Duration::from_secs(3600),
        })?;
        Ok(token)
    };
    let token = mint()?;
    let (signed, _) = token.expose().rsplit_once('.').ok_or("a token has a signature")?;
    let message = signed.as_bytes().to_vec();
    let random = SystemRandom::new();
    let sign = || -> Result<_, Box<dyn Error>> { Ok(bare.sign(&random, black_box(&message))?) };

    let (mut tokens, mut signatures) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        tokens.push(time_of_one(mint)?);
        signatures.push(time_of_one(sign)?);
    }
    let mut ratios: Vec<_> = tokens.iter().zip(&signatures).map(|(token, signature)| token / signature).collect();
    let (token, signature, ratio) = (median(&mut tokens), median(&mut signatures), median(&mut ratios));
    println!("of {ROUNDS} rounds of {OF_A_ROUND} each, in turns, one thread; {} bytes are signed", message.len());
    println!("tokens            {:8.0} a second, {:6.1} µs each ({})", 1.0 / token, token * 1e6, spread(&tokens));
    println!(
        "bare signatures   {:8.0} a second, {:6.1} µs each ({})",
        1.0 / signature,
        signature * 1e6,
        spread(&signatures)
    );
    println!(
        "a token takes     {ratio:8.3} of a bare signature's time ({:.3} to {:.3})",
        ratios[ROUNDS / 4],
        ratios[ROUNDS * 3 / 4]
    );
    Ok(())
}

/// Seconds that one takes.
fn time_of_one<T>(act: impl Fn() -> Result<T, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    for _ in 0..OF_A_ROUND {
        black_box(act()?);
    }
    Ok(begun.elapsed().as_secs_f64() / f64::from(OF_A_ROUND))
}

/// The one in the middle, of values that it sorts.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The quartiles of sorted times, in microseconds.
fn spread(sorted: &[f64]) -> String {
    format!("{:.1} to {:.1}", sorted[sorted.len() / 4] * 1e6, sorted[sorted.len() * 3 / 4] * 1e6)
}
