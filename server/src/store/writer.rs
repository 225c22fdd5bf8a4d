//! The one thread that writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use tokio::sync::{mpsc, oneshot};

use super::Added;
use super::error::{Problem, StoreError};
use super::readers::Readers;

/// Callers past this many queued adds wait for a place.
const QUEUE: usize = 1024;

/// A handle on the writer. When it is dropped, what has queued is committed, and the thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<mpsc::Sender<Add>>,
    thread: Option<JoinHandle<()>>,
}

struct Add {
    user: ValidUser,
    answer: oneshot::Sender<Result<Added, StoreError>>,
}

impl Writer {
    pub(super) fn start(path: &Path, connection: Connection, readers: Arc<Readers>) -> Self {
        let (queue, adds) = mpsc::channel(QUEUE);
        let file = path.to_owned();
        let thread = std::thread::spawn(move || write(&file, connection, &readers, adds));
        Self {
            path: path.to_owned(),
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    pub(super) async fn add(&self, user: ValidUser) -> Result<Added, StoreError> {
        let stopped = || StoreError::new(&self.path, Problem::WriterStopped);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        queue
            .send(Add { user, answer })
            .await
            .map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by then; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn write(
    path: &Path,
    mut connection: Connection,
    readers: &Readers,
    mut adds: mpsc::Receiver<Add>,
) {
    let mut batch = Vec::new();
    while adds.blocking_recv_many(&mut batch, QUEUE) > 0 {
        let outcome = {
            let _writing = readers.make_way();
            commit(&mut connection, &batch)
        };
        match outcome {
            Ok(results) => {
                for (add, result) in batch.drain(..).zip(results) {
                    // A caller that has gone is not told; its user is stored all the same.
                    let _ = add
                        .answer
                        .send(result.map_err(|problem| StoreError::new(path, problem)));
                }
            }
            Err(problem) => {
                tracing::error!(database = %path.display(), %problem, adds = batch.len(), "a commit failed");
                for add in batch.drain(..) {
                    let _ = add.answer.send(Err(StoreError::new(path, problem.clone())));
                }
            }
        }
    }
}

/// Stores the whole batch in one transaction, or nothing of it.
fn commit(
    connection: &mut Connection,
    batch: &[Add],
) -> Result<Vec<Result<Added, Problem>>, Problem> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(batch.len());
    for add in batch {
        match insert(&transaction, &add.user) {
            // Says nothing about the others in the batch.
            Err(Problem::NoFreeId) => results.push(Err(Problem::NoFreeId)),
            Err(problem) => return Err(problem),
            Ok(added) => results.push(Ok(added)),
        }
    }
    transaction.commit()?;
    Ok(results)
}

/// Adds one user; id 0 takes the next free one.
pub(super) fn insert(transaction: &Transaction<'_>, user: &ValidUser) -> Result<Added, Problem> {
    let user = User {
        id: if user.id == 0 {
            next_free_id(transaction)?
        } else {
            user.id
        },
        ..User::clone(user)
    };
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO users (id, nickname, mail_address, user_type) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![user.id, user.nickname, user.mail_address, user.user_type])?;
    Ok(if inserted == 1 {
        Added::Stored(user)
    } else {
        Added::AlreadyExists
    })
}

/// One above the highest id; when that is the last there is, the lowest free one.
fn next_free_id(transaction: &Transaction<'_>) -> Result<u32, Problem> {
    let highest: u32 = transaction
        .prepare_cached("SELECT coalesce(max(id), 0) FROM users")?
        .query_row([], |row| row.get(0))?;
    if let Some(next) = highest.checked_add(1) {
        return Ok(next);
    }
    let lowest_free: Option<u32> = transaction
        .prepare_cached(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = 1) UNION ALL \
             SELECT id + 1 FROM users AS taken \
             WHERE id < 4294967295 AND NOT EXISTS (SELECT 1 FROM users WHERE id = taken.id + 1) LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    lowest_free.ok_or(Problem::NoFreeId)
}
