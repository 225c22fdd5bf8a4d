//! A connection of the attacker.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// The address of the attacker. The well-behaved client has 127.0.0.1.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A TCP connection that never blocks the thread, so that one thread attacks over many. Dropping the value resets the
/// connection.
pub(super) struct Connection {
    stream: TcpStream,
    /// Bytes that the socket has not taken yet.
    unsent: Vec<u8>,
}

impl Connection {
    /// Opens a connection and sends its first bytes, without waiting for the server.
    ///
    /// # Errors
    /// If this process has no file descriptor or no port left.
    pub(super) fn open(server: SocketAddr, bytes: &[u8]) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((ATTACKER, 0)).into())?;
        socket.set_nonblocking(true)?;
        // Without a reset, each port of the attacker would stay in use for a minute.
        socket.set_linger(Some(Duration::ZERO))?;
        // The handshake of TCP continues. If the server refuses it, `send` fails.
        let _ = socket.connect(&server.into());
        let mut connection = Self {
            stream: socket.into(),
            unsent: Vec::new(),
        };
        let _ = connection.send(bytes);
        Ok(connection)
    }

    /// Sends bytes, and keeps those that the socket does not take for the next [`Self::send`].
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns whether bytes wait for the server to read.
    pub(super) fn is_blocked(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Reads what has arrived, up to the size of the buffer. Returns 0 if nothing has arrived.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Reads what has arrived, and discards it. Returns the number of bytes.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub(super) fn discard(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let mut count = 0;
        loop {
            let received = self.receive(&mut buffer)?;
            count += received;
            if received < buffer.len() {
                return Ok(count);
            }
        }
    }
}

/// Repeats `step` in an interval until `end`.
pub(super) fn repeat_until(
    end: Instant,
    interval: Duration,
    mut step: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let mut next = Instant::now();
    while next < end {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        step()?;
        // Steps that take longer than the interval are not made up for.
        next = (next + interval).max(Instant::now());
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    Ok(())
}
