//! An address that does not answer: a listener whose queue is full, so that no connection comes about.

use std::{fs, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The address, for as long as this lives.
pub(crate) struct Unreachable {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<std::net::TcpStream>,
}

impl Unreachable {
    pub(crate) fn bind() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: a queue of one takes two connections, and no more.
        let waiting = (0..2).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        Self { address, _listener: listener, _waiting: waiting }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many are trying to connect right now.
    pub(crate) fn attempts(&self) -> usize {
        let wanted = format!(":{:04X} 02 ", self.address.port());
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        table.lines().filter(|line| line.contains(&wanted)).count()
    }
}

#[tokio::test]
async fn nobody_gets_through() {
    let place = Unreachable::bind();
    let patience = std::time::Duration::from_millis(300);
    let connect = tokio::time::timeout(patience, TcpStream::connect(place.address));
    let (connected, ()) = tokio::join!(connect, async {
        tokio::time::sleep(patience / 2).await;
        assert_eq!(place.attempts(), 1);
    });
    assert!(connected.is_err(), "somebody got through");
    assert_eq!(place.attempts(), 0);
}
