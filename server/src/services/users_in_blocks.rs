//! Streams of many users, which read a block at a time as the client takes them: memory stays flat, and no read
//! transaction is open while a slow client keeps the server waiting.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;
use soundstage_proto::encoded::{EncodedUser, EncodedUsersIter};
use tonic::Status;

use crate::directory::{Answer, Block};
use crate::quota::Permit;

/// The number of users in the first block. Each block has twice as many as the block before, up to [`LARGEST_BLOCK`]: a
/// stream whose client takes nothing costs little.
const FIRST_BLOCK: u32 = 16;

/// The largest number of users in a block. A larger block would not be faster; a stream keeps one block in memory, or
/// one and a half if it reads ahead.
const LARGEST_BLOCK: u32 = 1024;

/// The stream. `read` reads the block after an id, which is 0 at first, of at most a number of users; `wrap` makes the
/// message of a user.
pub(crate) struct UsersInBlocks<R, W> {
    read: R,
    wrap: W,
    block: EncodedUsersIter,
    next: Next,
    /// The number of users in the next block.
    size: u32,
    /// Whether the next block is requested when half of the current block is used up.
    reads_ahead: bool,
    /// Keeps the place of the stream among those of its address.
    _permit: Option<Permit>,
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
    /// Returns a stream that requests a block when the previous block is used up.
    pub(crate) fn new(permit: Option<Permit>, read: R, wrap: W) -> Self {
        Self {
            read,
            wrap,
            block: EncodedUsersIter::default(),
            next: Next::After(0),
            size: FIRST_BLOCK,
            reads_ahead: false,
            _permit: permit,
        }
    }

    /// Requests each block when half of the previous block is used up, so that the store reads while the server sends.
    pub(crate) fn read_ahead(self) -> Self {
        Self {
            reads_ahead: true,
            ..self
        }
    }
}

impl<R, W, T> Stream for UsersInBlocks<R, W>
where
    R: Fn(u32, u32) -> Answer<'static, Block> + Unpin,
    W: Fn(EncodedUser) -> T + Unpin,
{
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let ahead = if self.reads_ahead { self.size / 2 } else { 0 };
            if self.block.len() <= ahead as usize
                && let Next::After(after) = self.next
            {
                self.next = Next::Requested((self.read)(after, self.size));
                self.size = (2 * self.size).min(LARGEST_BLOCK);
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
