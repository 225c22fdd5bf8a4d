//! Streams of many users, which read a block at a time as the client takes them: memory stays flat, and no read
//! transaction is open while a slow client keeps the server waiting.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;
use soundstage_proto::user::User;
use tonic::Status;

use crate::directory::{Answer, Block};

/// The number of users in a block. A larger block would not be faster; a stream keeps one in memory, or one and a half if
/// it reads ahead.
pub(crate) const BLOCK: u32 = 1024;

/// The stream. `read` reads the block after an id, which is 0 at first; `wrap` makes the message of a user.
pub(crate) struct UsersInBlocks<R, W> {
    read: R,
    wrap: W,
    block: std::vec::IntoIter<User>,
    next: Next,
    /// The number of users left in the block at which the next block is requested.
    ahead: usize,
}

/// The next block.
enum Next {
    /// The block after this id, not requested yet.
    After(u32),
    Requested(Answer<'static, Block>),
    /// The current block is the last.
    None,
}

impl<R, W> UsersInBlocks<R, W> {
    /// Returns a stream that requests a block when the one before it is used up.
    pub(crate) fn new(read: R, wrap: W) -> Self {
        Self {
            read,
            wrap,
            block: Vec::new().into_iter(),
            next: Next::After(0),
            ahead: 0,
        }
    }

    /// Requests each block when half of the one before it is used up, so that the store reads while the server sends.
    pub(crate) fn read_ahead(self) -> Self {
        Self {
            ahead: BLOCK as usize / 2,
            ..self
        }
    }
}

impl<R, W, T> Stream for UsersInBlocks<R, W>
where
    R: Fn(u32) -> Answer<'static, Block> + Unpin,
    W: Fn(User) -> T + Unpin,
{
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.block.len() <= self.ahead
                && let Next::After(after) = self.next
            {
                self.next = Next::Requested((self.read)(after));
            }
            if let Some(user) = self.block.next() {
                return Poll::Ready(Some(Ok((self.wrap)(user))));
            }
            let Next::Requested(answer) = &mut self.next else {
                return Poll::Ready(None);
            };
            let block = ready!(Pin::new(answer).poll(context));
            self.next = Next::None;
            match block {
                Ok(Block { users, after }) => {
                    self.block = users.into_iter();
                    self.next = after.map_or(Next::None, Next::After);
                }
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}
