//! Parsing of the deadline and the metadata of a call.

use std::time::Duration;

use crate::language::{fill, key, t};

/// Parses a deadline in milliseconds; an empty text is no deadline.
pub(super) fn deadline(text: &str) -> Result<Option<Duration>, &'static str> {
    match text.trim() {
        "" => Ok(None),
        millis => match millis.parse::<u32>() {
            // `grpc-timeout` has at most eight digits.
            Ok(millis) if millis <= 99_999_999 => Ok(Some(Duration::from_millis(millis.into()))),
            _ => Err(key(
                "Enter 0 to 99999999 milliseconds, or leave the field empty.",
            )),
        },
    }
}

/// Parses lines of `name: value`. A name may occur more than once.
pub(super) fn metadata(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let fail = |error_text: &'static str| {
            Err(fill(
                "Line {0}: {1}",
                &[&(number + 1).to_string(), t(error_text)],
            ))
        };
        let Some((name, value)) = line.split_once(':') else {
            return fail(key("Write a name, a colon and a value."));
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_name) {
            return fail(key(
                "Use only letters, digits, \"-\", \"_\" and \".\" in a name.",
            ));
        }
        if name.starts_with("grpc-") || ["content-type", "te"].contains(&name.as_str()) {
            return fail(key("gRPC reserves this name. Choose another name."));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return fail(key(
                "Write the value in ASCII. Other bytes need base64 and a name that ends in \"-bin\".",
            ));
        }
        if name.ends_with("-bin") && !is_base64(&value) {
            return fail(key(
                "Write the value in base64, since the name ends in \"-bin\".",
            ));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn is_base64(value: &str) -> bool {
    let digits = value.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    value.len() - digits.len() <= 2 && digits.len() % 4 != 1 && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_milliseconds_or_empty() {
        assert_eq!(deadline(" "), Ok(None));
        assert_eq!(deadline("250"), Ok(Some(Duration::from_millis(250))));
        for wrong in ["-1", "1s", "1.5", "100000000"] {
            assert!(deadline(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metadata_is_parsed_by_lines_and_errors_name_the_line() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            metadata("Tag: one\n\n tag:two: three \ntrace-bin: AAEC"),
            Ok(vec![
                pair("tag", "one"),
                pair("tag", "two: three"),
                pair("trace-bin", "AAEC")
            ])
        );
        for (text, line) in [
            ("no colon", "Line 1"),
            ("a: b\na b: c", "Line 2"),
            ("grpc-timeout: 1S", "Line 1"),
            ("a: é", "Line 1"),
            ("a-bin: ?", "Line 1"),
            ("a-bin: AAAAA", "Line 1"),
        ] {
            assert!(metadata(text).expect_err(text).starts_with(line), "{text}");
        }
    }
}
