//! The addresses of a host.

use std::{io, net::SocketAddr, time::Duration};

use model::broadcast_settings::is_public_address;
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};

use super::{
    endpoint::Endpoint,
    failure::{Failure, TargetRefused},
};

const RESOLVES: Duration = Duration::from_secs(4);
/// One of several addresses may be dead.
const CONNECTS: Duration = Duration::from_secs(3);
/// What the kernel holds of a broadcast is sent late or never: half a second of it is enough.
const SEND_BUFFER: u32 = 256 << 10;
/// As the kernel holds bytes of a dead connection for long, it is told when to give it up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(4);

/// Connects to one of the addresses that the host's name stands for, after all of them have been checked unless the target is
/// trusted. Nothing is resolved between the check and the connection.
pub(super) async fn connect(endpoint: &Endpoint, trusted: bool) -> Result<TcpStream, Failure> {
    let lookup = timeout(RESOLVES, lookup_host((endpoint.host.as_str(), endpoint.port)));
    let resolved = lookup.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(Failure::Unresolved)?;
    let addresses = checked(resolved.collect(), trusted)?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match timeout(CONNECTS, dial(address)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(Failure::Unreachable(last))
}

/// All of them, if all are public: a name that stands for both kinds is a trap.
fn checked(addresses: Vec<SocketAddr>, trusted: bool) -> Result<Vec<SocketAddr>, TargetRefused> {
    let fine = trusted || addresses.iter().all(|address| is_public_address(address.ip()));
    if fine { Ok(addresses) } else { Err(TargetRefused::PrivateAddress) }
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_send_buffer_size(SEND_BUFFER)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn one_private_address_among_public_ones_is_enough_to_refuse_a_stranger() {
        let both = all(&["93.184.216.34:443", "10.0.0.1:443"]);
        assert_eq!(checked(both.clone(), false), Err(TargetRefused::PrivateAddress));
        assert_eq!(checked(both.clone(), true), Ok(both));
        let public = all(&["93.184.216.34:443", "[2606:2800:220:1::1]:443"]);
        assert_eq!(checked(public.clone(), false), Ok(public));
        for private in ["127.0.0.1:1", "169.254.169.254:80", "[::1]:1", "[::ffff:10.0.0.1]:1", "[64:ff9b::a00:1]:1"] {
            assert_eq!(checked(all(&[private]), false), Err(TargetRefused::PrivateAddress), "{private}");
        }
    }
}
