//! Streams of many users, which read a block at a time as the client takes them: memory stays flat, and no read
//! transaction is open while a slow client keeps the server waiting.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;
use soundstage_proto::encoded::EncodedUsers;
use tonic::Status;

use crate::directory::{Answer, Block};
use crate::quota::Permit;

/// The number of users in the first block. Each block has twice as many as the block before, up to [`LARGEST_BLOCK`]: a
/// stream whose client takes nothing costs little.
const FIRST_BLOCK: u32 = 16;

/// The largest number of users in a block. The store ends a block at 32 KiB, which are some 450 users; a larger block would
/// not be faster. A stream keeps one block in memory, or two if it reads ahead.
const LARGEST_BLOCK: u32 = 512;

/// The stream of blocks. `read` reads the block after an id, which is 0 at first, of at most a number of users.
///
/// While the blocks grow, other calls run between two blocks, so that thousands of streams that begin at once delay no
/// other call. Later the client's window sets the pace.
pub(crate) struct UsersInBlocks<R> {
    read: R,
    next: Next,
    /// The number of users in the next block.
    size: u32,
    /// Whether a block is requested when the previous block is sent, instead of when the client has room.
    reads_ahead: bool,
    /// Whether to yield to other calls before the next block.
    yields: bool,
    /// Keeps the place of the stream among those of its address.
    _permit: Option<Permit>,
}

/// The next block.
enum Next {
    /// The block after this id, not requested yet.
    After(u32),
    Requested(Answer<'static, Block>),
    /// No more blocks.
    None,
}

impl<R> UsersInBlocks<R>
where
    R: Fn(u32, u32) -> Answer<'static, Block>,
{
    /// Returns a stream that requests each block when the client wants it.
    pub(crate) fn new(permit: Option<Permit>, read: R) -> Self {
        Self {
            read,
            next: Next::After(0),
            size: FIRST_BLOCK,
            reads_ahead: false,
            yields: false,
            _permit: permit,
        }
    }

    /// Requests each block when the previous block is sent, so that the store reads while the server sends.
    pub(crate) fn read_ahead(self) -> Self {
        Self {
            reads_ahead: true,
            ..self
        }
    }

    fn request(&mut self, after: u32) {
        self.next = Next::Requested((self.read)(after, self.size));
        self.size = (2 * self.size).min(LARGEST_BLOCK);
    }
}

impl<R> Stream for UsersInBlocks<R>
where
    R: Fn(u32, u32) -> Answer<'static, Block> + Unpin,
{
    type Item = Result<EncodedUsers, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.yields) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let block = match &mut self.next {
                Next::None => return Poll::Ready(None),
                Next::Requested(answer) => ready!(Pin::new(answer).poll(context)),
                Next::After(after) => {
                    let after = *after;
                    self.request(after);
                    continue;
                }
            };
            self.next = Next::None;
            let Block { users, after } = match block {
                Ok(block) => block,
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            };
            self.yields = self.size < LARGEST_BLOCK;
            match after {
                Some(after) if self.reads_ahead => self.request(after),
                Some(after) => self.next = Next::After(after),
                None => {}
            }
            if !users.is_empty() {
                return Poll::Ready(Some(Ok(users)));
            }
        }
    }
}
