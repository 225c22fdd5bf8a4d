//! Streams of many users, read a block at a time as the client takes them: memory stays flat, and no read transaction is
//! open while a slow client makes us wait.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::Stream;
use soundstage_proto::user::User;
use tonic::Status;

use crate::store::{Block, StoreError};

/// How many users a stream holds in memory at once.
pub(crate) const BLOCK: u32 = 1024;

/// Users as `read` has them: it is called with the id that the block before ended with, and 0 at first. `wrap` makes
/// the messages.
pub(crate) struct UsersInBlocks<R, W> {
    read: R,
    wrap: W,
    block: std::vec::IntoIter<User>,
    /// The last id read, while there may be more.
    after: Option<u32>,
}

impl<R, W> UsersInBlocks<R, W> {
    pub(crate) fn new(read: R, wrap: W) -> Self {
        Self {
            read,
            wrap,
            block: Vec::new().into_iter(),
            after: Some(0),
        }
    }
}

impl<R, W, T> Stream for UsersInBlocks<R, W>
where
    R: Fn(u32) -> Result<Block, StoreError> + Unpin,
    W: Fn(User) -> T + Unpin,
{
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.block.len() == 0
            && let Some(after) = self.after.take()
        {
            match (self.read)(after) {
                Ok(Block { users, after }) => {
                    self.block = users.into_iter();
                    self.after = after;
                }
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            if self.block.len() == 0 && self.after.is_some() {
                // A block of candidates none of which matched: others have their turn before the next.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let user = self.block.next();
        Poll::Ready(user.map(|user| Ok((self.wrap)(user))))
    }
}
