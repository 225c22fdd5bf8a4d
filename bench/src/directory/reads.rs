//! Single reads of a small and a large directory.

use std::time::Instant;

use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::{ListUsersRequest, UserFilter, UserRequest};

use super::{LARGE, SMALL, Users, connect};
use crate::Result;
use crate::compare::{Compared, Median as _};
use crate::process::Server;

/// Measured calls of each kind. The median counts.
const CALLS: u32 = 301;
/// Calls of each kind before the measured calls.
const WARM_UP: u32 = 20;

/// Calls all servers in turn, so that other load on the machine affects all of them alike.
pub(super) async fn measure(small: &Compared<Server>, large: &Compared<Server>) -> Result {
    println!(
        "the median of {CALLS} calls, with {LARGE} and with {SMALL} users (wanted: at most 3 times)"
    );
    let servers = [
        Some((&large.current, LARGE)),
        Some((&small.current, SMALL)),
        large.baseline.as_ref().map(|server| (server, LARGE)),
        small.baseline.as_ref().map(|server| (server, SMALL)),
    ];
    let mut targets = Vec::new();
    for (server, count) in servers.into_iter().flatten() {
        let mut users = connect(server).await?;
        let reads = reads(&mut users, count).await?;
        targets.push((users, reads));
    }
    let names: Vec<_> = targets[0].1.iter().map(|(name, _)| name.clone()).collect();
    for (index, name) in names.into_iter().enumerate() {
        let mut times = vec![Vec::new(); targets.len()];
        for call in 0..WARM_UP + CALLS {
            for ((users, reads), times) in targets.iter_mut().zip(&mut times) {
                let micros = reads[index].1.call(users, call).await?;
                if call >= WARM_UP {
                    times.push(micros);
                }
            }
        }
        let medians: Vec<_> = times.iter().map(|times| f64::median(times)).collect();
        let (large, small) = (medians[0], medians[1]);
        println!(
            "  {name:<44} {large:>8.0} us {small:>8.0} us   {:.2}",
            large / small
        );
        if let [_, _, old_large, old_small] = medians[..] {
            println!(
                "  {:<44} {old_large:>8.0} us {old_small:>8.0} us   current / baseline: {:.3}, {:.3}",
                "  baseline",
                large / old_large,
                small / old_small
            );
        }
    }
    println!();
    Ok(())
}

/// A read that is repeated.
enum Read {
    /// `GetUser`, with ids spread over this number of users.
    User(u32),
    Page(Box<ListUsersRequest>),
}

impl Read {
    /// Returns the time of the call, in microseconds.
    async fn call(&self, users: &mut Users, call: u32) -> Result<f64> {
        let start = Instant::now();
        let is_found = match self {
            Self::User(count) => {
                let id = 1 + call * 7919 % count;
                !users.get_user(UserRequest { id }).await?.into_inner().error
            }
            Self::Page(request) => {
                let page = users.list_users((**request).clone()).await?;
                !page.into_inner().users.is_empty()
            }
        };
        if is_found {
            Ok(start.elapsed().as_secs_f64() * 1e6)
        } else {
            Err("a read found no user".into())
        }
    }
}

/// Returns the reads of a directory with `count` users, with their names.
async fn reads(users: &mut Users, count: u32) -> Result<Vec<(String, Read)>> {
    let mut reads = vec![("GetUser".to_owned(), Read::User(count))];
    for order in [
        Order::Id,
        Order::Nickname,
        Order::MailAddress,
        Order::Created,
        Order::Updated,
    ] {
        let near_the_end = ListUsersRequest {
            page_size: 1,
            order: order.into(),
            skip: count - 60,
            ..ListUsersRequest::default()
        };
        let page_token = users
            .list_users(near_the_end)
            .await?
            .into_inner()
            .next_page_token;
        let page = ListUsersRequest {
            page_size: 50,
            page_token,
            order: order.into(),
            ..ListUsersRequest::default()
        };
        let name = format!("ListUsers, 50 at the far end, by {}", order.as_str_name());
        reads.push((name, Read::Page(page.into())));
    }
    // Few users match, in a directory of any size.
    let search = ListUsersRequest {
        filter: Some(UserFilter {
            search: format!("{}", count / 2 + 123),
            ..UserFilter::default()
        }),
        ..ListUsersRequest::default()
    };
    reads.push((
        "ListUsers, a search with few matches".to_owned(),
        Read::Page(search.into()),
    ));
    Ok(reads)
}
