//! `ListUsers` and filters: converts messages to queries of the directory, and pages to responses.

use soundstage_proto::user::list_users_request;
use soundstage_proto::user::{ListUsersRequest, ListUsersResponse, UserFilter};
use soundstage_proto::user_rules;
use tonic::Status;

use super::{page_token, status};
use crate::directory::{Directory, Filter, Order, PageQuery, Search};

const DEFAULT_PAGE_SIZE: u32 = 50;
const MAX_PAGE_SIZE: u32 = 1000;

/// The number of users that a page may skip without counting as a search.
const FAST_SKIP: u32 = 1000;

/// The longest text to search for, in characters: as long as the longest mail address, and longer than any nickname.
const MAX_SEARCH: usize = 254;

/// Returns whether a page takes much longer than a point read.
pub(super) fn is_slow(request: &ListUsersRequest) -> bool {
    let filter = request.filter.as_ref();
    request.skip > FAST_SKIP || filter.is_some_and(|filter| !filter.search.is_empty())
}

/// Returns the page that a request asks for.
pub(super) async fn list(
    directory: &Directory,
    request: ListUsersRequest,
) -> Result<ListUsersResponse, Status> {
    let page_size = match u32::try_from(request.page_size) {
        Ok(0) => DEFAULT_PAGE_SIZE,
        Ok(size) => size.min(MAX_PAGE_SIZE),
        Err(_) => {
            return Err(status::invalid_field(
                "page_size",
                "Ask for 0 (the default) to 1000 users.",
            ));
        }
    };
    let order = order(request.order)?;
    let after = match request.page_token.as_str() {
        "" => None,
        token => Some(page_token::decode(order, token).ok_or_else(|| {
            status::invalid_field(
                "page_token",
                "Send the next_page_token of a response, unchanged and with the same order.",
            )
        })?),
    };
    let query = PageQuery {
        filter: filter(request.filter)?,
        order,
        descending: request.descending,
        after,
        skip: request.skip,
        // The extra user shows whether there is a next page.
        limit: page_size + 1,
    };

    let mut page = directory.page(query).await?;
    let more = page.users.len() > page_size as usize;
    page.users.truncate(page_size as usize);
    let last = page.users.last().filter(|_| more);
    let next_page_token = last.map(|last| page_token::encode(order, &order.cursor(last)));
    Ok(ListUsersResponse {
        users: page.users,
        next_page_token: next_page_token.unwrap_or_default(),
        total_size: page.total,
        total_is_lower_bound: page.total_is_lower_bound,
        sequence: page.sequence,
    })
}

/// Returns the filter.
///
/// # Errors
/// Returns `INVALID_ARGUMENT` for the first field that is wrong.
pub(super) fn filter(filter: Option<UserFilter>) -> Result<Filter, Status> {
    let UserFilter {
        search,
        mut user_types,
    } = filter.unwrap_or_default();
    if search.chars().count() > MAX_SEARCH {
        return Err(status::invalid_field(
            "filter.search",
            "Search for at most 254 characters.",
        ));
    }
    for user_type in &user_types {
        user_rules::check_user_type(*user_type)
            .map_err(|description| status::invalid_field("filter.user_types", description))?;
    }
    user_types.sort_unstable();
    user_types.dedup();
    if user_types.len() == soundstage_proto::user_types::STORABLE.len() {
        user_types.clear();
    }
    Ok(Filter {
        search: Search::new(&search),
        user_types,
    })
}

fn order(number: i32) -> Result<Order, Status> {
    use list_users_request::Order as Wire;
    let order = Wire::try_from(number).map_err(|_| {
        status::invalid_field(
            "order",
            "Choose ID, NICKNAME, MAIL_ADDRESS, CREATED or UPDATED.",
        )
    })?;
    Ok(match order {
        Wire::Id => Order::Id,
        Wire::Nickname => Order::Nickname,
        Wire::MailAddress => Order::MailAddress,
        Wire::Created => Order::Created,
        Wire::Updated => Order::Updated,
    })
}
