//! Users and queries that the cases share.

use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_server::directory::{
    Added, Directory, Filter, ImportPlan, Imported, OnConflict, Order, Page, PageQuery, Progress,
    Search, Seed,
};

use crate::conformance::{Bounds, TestStore};

/// Opens a store without users.
pub(crate) fn empty<S: TestStore>() -> S {
    S::open(&Seed::Empty, &Bounds::default())
}

/// Opens a store with the six first users.
pub(crate) fn seeded<S: TestStore>() -> S {
    S::open(&Seed::FirstUsers, &Bounds::default())
}

pub(crate) fn user(id: u32, nickname: &str) -> User {
    User {
        id,
        nickname: nickname.into(),
        mail_address: "new@example.com".into(),
        user_type: 1,
        ..User::default()
    }
}

pub(crate) fn valid(user: User) -> ValidUser {
    ValidUser::try_from(user).expect("a valid user")
}

/// Adds a user whose id is free, and returns it as stored.
pub(crate) async fn add(directory: &Directory, user: User) -> User {
    match directory.add(valid(user)).await {
        Ok(Added::Stored(user)) => user,
        other => panic!("not added: {other:?}"),
    }
}

/// Imports rows as one unnamed batch.
pub(crate) async fn import(directory: &Directory, rows: Vec<User>) -> Progress {
    let plan = ImportPlan {
        on_conflict: OnConflict::Fail,
        id: None,
    };
    let batch = rows.into_iter().map(|row| Some(valid(row))).collect();
    match directory.import(plan, Progress::default(), batch).await {
        Ok(Imported::Whole(progress)) => progress,
        other => panic!("not imported: {other:?}"),
    }
}

pub(crate) fn search(text: &str) -> Filter {
    Filter {
        search: Search::new(text),
        user_types: Vec::new(),
    }
}

/// Returns a query for the first 100 users that match, by id.
pub(crate) fn by_id(filter: Filter) -> PageQuery {
    PageQuery {
        filter,
        order: Order::Id,
        descending: false,
        after: None,
        skip: 0,
        limit: 100,
    }
}

pub(crate) async fn page(directory: &Directory, query: PageQuery) -> Page {
    directory.page(query).await.expect("a page")
}

/// Returns the number of users.
pub(crate) async fn total(directory: &Directory) -> u32 {
    page(directory, by_id(Filter::default())).await.total
}

/// Returns the nicknames of the first 100 users that a search finds, by id.
pub(crate) async fn found(directory: &Directory, text: &str) -> Vec<String> {
    let page = page(directory, by_id(search(text))).await;
    page.users.into_iter().map(|user| user.nickname).collect()
}
