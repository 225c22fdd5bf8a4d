//! Pages: every order from both ends, filters, searches, cursors and totals.

use std::time::Duration;

use soundstage_proto::user::User;
use soundstage_server::directory::{Directory, Filter, Order, PageQuery, Search, Update};

use crate::conformance::{Bounds, TestStore};
use crate::samples::{add, by_id, empty, found, import, page, search, seeded, total, user};

const ORDERS: [Order; 5] = [
    Order::Id,
    Order::Nickname,
    Order::MailAddress,
    Order::Created,
    Order::Updated,
];

/// Fills a directory with users whose keys are often equal but for their case, some changed and some deleted.
pub(crate) async fn fill(directory: &Directory) {
    let names = [
        "ann",
        "Ann",
        "bob",
        "BOB",
        "田中",
        "田中太郎",
        "\u{c9}ric",
        "zoe_1",
    ];
    let users = (1..=160_u32).map(|number| {
        let host = ["ann", "bob", "example"][number as usize % 3];
        User {
            // Not the order in which the users are added.
            id: number * 37 % 163,
            nickname: names[number as usize % names.len()].to_owned(),
            mail_address: format!("{}@{host}.example", number % 11),
            user_type: 1 + i32::from(number % 5 == 0) + i32::from(number % 20 == 0),
            ..User::default()
        }
    });
    let users: Vec<_> = users.collect();
    // The users of a batch share their time, those of different batches do not.
    let next_millisecond = || tokio::time::sleep(Duration::from_millis(2));
    for batch in users.chunks(20) {
        import(directory, batch.to_vec()).await;
        next_millisecond().await;
    }
    for id in (1..=160).step_by(9) {
        let update = Update {
            nickname: Some(format!("new {id}")),
            user_type: Some(4),
            ..Update::default()
        };
        directory.update(id, 0, update).await.expect("changed");
    }
    for id in (5..=160).step_by(11) {
        directory.delete(id, 0).await.expect("deleted");
    }
}

/// Filters for [`fill`]: texts that many, few and no users have, each with several sets of types.
pub(crate) fn filters() -> Vec<Filter> {
    let searches = [
        "", "ann", "AN", "a", "bob.ex", "田中", "é", "new 1", "19", "nobody", "example",
    ];
    let types = [vec![], vec![1], vec![2, 4], vec![1, 2, 3]];
    let filters = searches.map(|text| {
        types.clone().map(|user_types| Filter {
            search: Search::new(text),
            user_types,
        })
    });
    filters.into_iter().flatten().collect()
}

/// Returns the users that match a filter, by id, without an index.
pub(crate) async fn matches(directory: &Directory, filter: &Filter) -> Vec<User> {
    let mut users = Vec::new();
    for id in 1..=200 {
        users.extend(directory.get(id).await.expect("read"));
    }
    users.retain(|user| filter.matches(user));
    users
}

pub(crate) async fn every_order_and_filter_pages_like_a_plain_sort<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    fill(directory).await;
    let limit = Bounds::default().count_limit;
    for filter in filters() {
        let mut expected = matches(directory, &filter).await;
        let orders = ORDERS.map(|order| [(order, false), (order, true)]);
        for (order, descending) in orders.into_iter().flatten() {
            expected.sort_by(|one, other| order.cursor(one).compare(&order.cursor(other)));
            if descending {
                expected.reverse();
            }
            let mut query = PageQuery {
                order,
                descending,
                limit: 7,
                ..by_id(filter.clone())
            };
            for skip in [1, 30] {
                query.skip = skip;
                let page = page(directory, query.clone()).await;
                let rest = expected.get(skip as usize..).unwrap_or_default();
                assert_eq!(page.users, rest[..rest.len().min(7)], "{query:?}");
            }
            query.skip = 0;
            let mut paged = Vec::new();
            loop {
                let page = page(directory, query.clone()).await;
                if page.total_is_lower_bound {
                    assert!(filter.search.is_some() && expected.len() > limit as usize);
                    assert_eq!(page.total, limit, "{query:?}");
                } else {
                    assert_eq!(page.total as usize, expected.len(), "{query:?}");
                }
                paged.extend_from_slice(&page.users);
                let Some(last) = page.users.last() else { break };
                query.after = Some(order.cursor(last));
            }
            assert_eq!(paged, expected, "{query:?}");
        }
    }
}

pub(crate) async fn a_search_finds_parts_of_names_and_addresses_and_the_id<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    add(directory, user(0, "Élodie")).await;
    add(directory, user(0, "Agent 3")).await;
    assert_eq!(found(directory, "aru").await, ["Zaru", "Saru"]);
    assert_eq!(found(directory, "SARU").await, ["Saru"]);
    assert_eq!(found(directory, "éLO").await, ["Élodie"]);
    assert_eq!(found(directory, "admin@ex").await, ["admin"]);
    assert_eq!(found(directory, "3").await, ["foo", "Agent 3"]);
    assert!(found(directory, "no such text").await.is_empty());
}

pub(crate) async fn a_search_finds_one_and_two_japanese_characters<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    for name in ["田中", "山田中村", "田村", "中田"] {
        add(directory, user(0, name)).await;
    }
    assert_eq!(found(directory, "田中").await, ["田中", "山田中村"]);
    assert_eq!(found(directory, "村").await, ["山田中村", "田村"]);
    assert!(found(directory, "村田").await.is_empty());
}

pub(crate) async fn a_total_above_the_limit_is_a_lower_bound<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let limit = Bounds::default().count_limit;
    import(directory, (1..=limit).map(|id| user(id, "many")).collect()).await;
    let at_the_limit = page(directory, by_id(search("many"))).await;
    assert_eq!(
        (at_the_limit.total, at_the_limit.total_is_lower_bound),
        (limit, false)
    );
    add(directory, user(0, "many")).await;
    let above = page(directory, by_id(search("many"))).await;
    assert_eq!((above.total, above.total_is_lower_bound), (limit, true));
    assert_eq!(
        above.users.len(),
        limit as usize + 1,
        "every match is listed"
    );
    let all = page(directory, by_id(Filter::default())).await;
    assert_eq!((all.total, all.total_is_lower_bound), (limit + 1, false));
}

pub(crate) async fn a_page_continues_after_a_user_that_was_deleted<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    for name in ["d", "B", "f", "a"] {
        add(directory, user(0, name)).await;
    }
    let mut query = PageQuery {
        order: Order::Nickname,
        limit: 2,
        ..by_id(Filter::default())
    };
    let first = page(directory, query.clone()).await;
    assert_eq!(names(&first.users), ["a", "B"]);
    query.after = first.users.last().map(|last| Order::Nickname.cursor(last));
    directory.delete(2, 0).await.expect("deleted");
    add(directory, user(0, "aa")).await;
    add(directory, user(0, "bb")).await;
    assert_eq!(
        names(&page(directory, query.clone()).await.users),
        ["bb", "d"]
    );
    query.descending = true;
    assert_eq!(names(&page(directory, query).await.users), ["aa", "a"]);
}

pub(crate) async fn a_page_names_the_newest_change_that_it_includes<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let added = add(directory, user(0, "first")).await;
    let all = by_id(Filter::default());
    assert_eq!(page(directory, all.clone()).await.sequence, added.revision);
    directory.delete(added.id, 0).await.expect("deleted");
    assert_eq!(page(directory, all).await.sequence, added.revision + 1);
}

pub(crate) async fn an_empty_directory_is_an_empty_page<S: TestStore>() {
    let store = empty::<S>();
    for filter in [Filter::default(), search("a")] {
        let page = page(store.directory(), by_id(filter)).await;
        assert_eq!((page.users.len(), page.total), (0, 0));
        assert!(!page.total_is_lower_bound);
    }
}

pub(crate) async fn a_filter_of_types_has_its_own_total<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let normal = by_id(Filter {
        search: None,
        user_types: vec![1],
    });
    let before = page(directory, normal.clone()).await;
    assert!(before.users.iter().all(|user| user.user_type == 1));
    let retype = Update {
        user_type: Some(2),
        ..Update::default()
    };
    let id = before.users[0].id;
    directory.update(id, 0, retype).await.expect("changed");
    assert_eq!(
        page(directory, normal.clone()).await.total,
        before.total - 1
    );
    directory
        .delete(before.users[1].id, 0)
        .await
        .expect("deleted");
    assert_eq!(page(directory, normal).await.total, before.total - 2);
    assert_eq!(total(directory).await, 5);
}

fn names(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.nickname.as_str()).collect()
}
