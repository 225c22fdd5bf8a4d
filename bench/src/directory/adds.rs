//! Durable adds by one caller and by 64 callers at once.

use std::fs;
use std::path::Path;

use prost::Message as _;

use super::new_user;
use crate::Result;
use crate::calls::frame;
use crate::compare::{Compared, Median, median};
use crate::load::H2;
use crate::process::Server;

/// Rounds of which the median counts.
const ROUNDS: usize = 3;

/// Adds per second.
struct Rates {
    one: f64,
    many: f64,
}

impl Median for Rates {
    fn median(results: &[Self]) -> Self {
        Self {
            one: median(results, |rates| rates.one),
            many: median(results, |rates| rates.many),
        }
    }
}

pub(super) fn measure(servers: &Compared<Server>, folder: &Path) -> Result {
    println!(
        "AddUser, durable, with a response after the commit (wanted: 64 callers at least 10 times one caller)"
    );
    let body = folder.join("add_user");
    fs::write(&body, frame(&new_user().encode_to_vec()))?;
    let rate = |server: &Server, connections, in_flight, requests| -> Result<f64> {
        let adds = H2 {
            path: "/UserManager/AddUser",
            body: Some(&body),
            requests,
            connections,
            in_flight,
        };
        Ok(adds.run(server)?.rate())
    };
    let rates = servers.measure(|server| {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(Rates {
                one: rate(server, 1, 1, 2000)?,
                many: rate(server, 8, 8, 20_000)?,
            });
        }
        Ok(Rates::median(&rounds))
    })?;
    let row = |name: &str, Rates { one, many }: &Rates| {
        println!(
            "  {name:<24} one caller {one:>8.0} /s, 64 callers {many:>8.0} /s, {:.1} times; median of {ROUNDS}",
            many / one
        );
    };
    rates.print(
        "soundstage",
        row,
        &[("one", |rates| rates.one), ("64", |rates| rates.many)],
    );
    println!();
    Ok(())
}
