//! Imports: every way to treat a conflict, resuming, and dry runs.

use soundstage_proto::user::User;
use soundstage_server::directory::{
    Batch, Directory, DryRun, ImportPlan, Imported, OnConflict, Progress,
};

use crate::conformance::TestStore;
use crate::samples::{seeded, total, user, valid};

fn plan(on_conflict: OnConflict, id: &str) -> ImportPlan {
    ImportPlan {
        on_conflict,
        id: Some(id.to_owned()).filter(|id| !id.is_empty()),
    }
}

fn batch(rows: impl IntoIterator<Item = User>) -> Batch {
    rows.into_iter().map(|row| Some(valid(row))).collect()
}

/// Returns a batch with a new user, a user with a taken id, and another new user.
fn conflict() -> Batch {
    batch([user(100, "new"), user(1, "other"), user(101, "later")])
}

fn counts(added: u32, replaced: u32, skipped: u32, refused: u32) -> Progress {
    Progress {
        rows: added + replaced + skipped + refused,
        added,
        replaced,
        skipped,
        refused,
    }
}

async fn nickname(directory: &Directory, id: u32) -> String {
    let user = directory.get(id).await.expect("read");
    user.expect("a user").nickname
}

pub(crate) async fn a_conflict_is_skipped<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let skip = plan(OnConflict::Skip, "");
    let imported = directory
        .import(skip, Progress::default(), conflict())
        .await;
    assert_eq!(imported, Ok(Imported::Whole(counts(2, 0, 1, 0))));
    assert_eq!(nickname(directory, 1).await, "admin");
    assert_eq!(total(directory).await, 8);
}

pub(crate) async fn a_conflict_replaces_a_user_that_differs<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let before = directory.get(1).await.expect("read").expect("a user");
    let replace = plan(OnConflict::Replace, "");
    let imported = directory
        .import(replace.clone(), Progress::default(), conflict())
        .await;
    assert_eq!(imported, Ok(Imported::Whole(counts(2, 1, 0, 0))));
    let after = directory.get(1).await.expect("read").expect("a user");
    assert_eq!(after.nickname, "other");
    assert!(after.revision > before.revision);
    assert_eq!(after.created_ms, before.created_ms);
    let again = directory
        .import(replace, Progress::default(), conflict())
        .await;
    assert_eq!(again, Ok(Imported::Whole(counts(0, 0, 3, 0))), "equal rows");
    assert_eq!(directory.get(1).await, Ok(Some(after)));
}

pub(crate) async fn a_conflict_ends_the_import_before_its_row<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let fail = plan(OnConflict::Fail, "");
    let imported = directory
        .import(fail, Progress::default(), conflict())
        .await;
    assert_eq!(imported, Ok(Imported::UpToConflict(counts(1, 0, 0, 0), 1)));
    assert_eq!(nickname(directory, 100).await, "new");
    assert_eq!(nickname(directory, 1).await, "admin");
    assert_eq!(
        total(directory).await,
        7,
        "no row after the conflict is stored"
    );
}

pub(crate) async fn a_row_that_breaks_a_rule_is_counted_and_not_stored<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let mut rows = batch([user(100, "one"), user(101, "two")]);
    rows.insert(1, None);
    let skip = plan(OnConflict::Skip, "");
    let imported = directory.import(skip, counts(5, 0, 0, 1), rows).await;
    assert_eq!(imported, Ok(Imported::Whole(counts(7, 0, 0, 2))));
    assert_eq!(total(directory).await, 8);
}

pub(crate) async fn rows_without_an_id_take_free_ids<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let rows = batch([user(0, "first"), user(20, "given"), user(0, "last")]);
    let fail = plan(OnConflict::Fail, "");
    let imported = directory.import(fail, Progress::default(), rows).await;
    assert_eq!(imported, Ok(Imported::Whole(counts(3, 0, 0, 0))));
    assert_eq!(nickname(directory, 7).await, "first");
    assert_eq!(nickname(directory, 21).await, "last");
}

pub(crate) async fn an_import_resumes_at_its_stored_progress<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let named = plan(OnConflict::Skip, "named");
    let unknown = directory.import_progress("named").await;
    assert_eq!(unknown, Ok(Progress::default()));
    let first = batch([user(0, "one")]).into_iter().chain([None]).collect();
    let imported = directory
        .import(named.clone(), Progress::default(), first)
        .await;
    let reached = counts(1, 0, 0, 1);
    assert_eq!(imported, Ok(Imported::Whole(reached)));

    let store = store.reopen(&soundstage_server::directory::Seed::Empty);
    let directory = store.directory();
    assert_eq!(directory.import_progress("named").await, Ok(reached));
    let rest = batch([user(0, "two")]);
    let imported = directory.import(named, reached, rest).await;
    assert_eq!(imported, Ok(Imported::Whole(counts(2, 0, 0, 1))));
    assert_eq!(total(directory).await, 8);
}

pub(crate) async fn an_import_that_another_caller_continued_is_superseded<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let named = plan(OnConflict::Skip, "named");
    let rows = || batch([user(0, "one")]);
    let first = directory
        .import(named.clone(), Progress::default(), rows())
        .await;
    assert_eq!(first, Ok(Imported::Whole(counts(1, 0, 0, 0))));
    let late = directory.import(named, Progress::default(), rows()).await;
    assert_eq!(late, Ok(Imported::Superseded));
    assert_eq!(total(directory).await, 7, "each row is stored once");
    let other = plan(OnConflict::Skip, "another name");
    let other = directory.import(other, Progress::default(), rows()).await;
    assert_eq!(other, Ok(Imported::Whole(counts(1, 0, 0, 0))));
}

pub(crate) async fn progress_is_stored_up_to_a_conflict<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let named = plan(OnConflict::Fail, "named");
    let imported = directory
        .import(named, Progress::default(), conflict())
        .await;
    assert_eq!(imported, Ok(Imported::UpToConflict(counts(1, 0, 0, 0), 1)));
    let progress = directory.import_progress("named").await;
    assert_eq!(progress, Ok(counts(1, 0, 0, 0)));
}

pub(crate) async fn an_unnamed_import_stores_no_progress<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let skip = plan(OnConflict::Skip, "");
    let rows = batch([user(0, "one")]);
    let imported = directory.import(skip, counts(3, 0, 0, 0), rows).await;
    assert_eq!(imported, Ok(Imported::Whole(counts(4, 0, 0, 0))));
    assert_eq!(directory.import_progress("").await, Ok(Progress::default()));
}

pub(crate) async fn a_dry_run_decides_like_an_import_and_stores_nothing<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    for on_conflict in [OnConflict::Skip, OnConflict::Replace, OnConflict::Fail] {
        let dry_run = DryRun::default()
            .import(directory, on_conflict, Progress::default(), &conflict())
            .await;
        assert_eq!(total(directory).await, 6, "{on_conflict:?}");
        assert_eq!(nickname(directory, 1).await, "admin");
        let real = seeded::<S>();
        let plan = plan(on_conflict, "");
        let imported = real
            .directory()
            .import(plan, Progress::default(), conflict())
            .await;
        assert_eq!(dry_run, imported, "{on_conflict:?}");
    }
}

pub(crate) async fn a_dry_run_counts_repeated_ids_across_batches<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let mut dry_run = DryRun::default();
    let first = batch([user(100, "new"), user(100, "again"), user(0, "picked")]);
    let imported = dry_run
        .import(directory, OnConflict::Replace, Progress::default(), &first)
        .await;
    let reached = counts(2, 1, 0, 0);
    assert_eq!(imported, Ok(Imported::Whole(reached)));
    let mut second = batch([user(100, "once more"), user(1, "other")]);
    second.push(None);
    let imported = dry_run
        .import(directory, OnConflict::Replace, reached, &second)
        .await;
    assert_eq!(imported, Ok(Imported::Whole(counts(2, 3, 0, 1))));
}
