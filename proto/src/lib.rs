//! The wire contract of Soundstage: the types generated from `user.proto` and `position.proto`, and beside them
//! the rules that server, command line and page must agree on.
//!
//! Compiles for native targets and for `wasm32-unknown-unknown`.

use std::collections::BTreeSet;

pub mod descriptor;
#[cfg(feature = "server")]
pub mod encoded;
mod field_error;
pub mod user_rules;
pub mod user_types;

/// The directory of users (`user.proto`; it has no package, so its method paths start with `/UserManager/`).
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod user {
    tonic::include_proto!("_");
}

/// The stage (`position.proto`, package `posXYZ`).
#[expect(missing_docs, clippy::pedantic, reason = "generated")]
pub mod position {
    tonic::include_proto!("pos_xyz");
}

impl position::StageUpdate {
    /// Which of those who were known are on the stage no longer: who has left, or whom a complete update does not name.
    pub fn gone(&self, known: impl Iterator<Item = u32>) -> Vec<u32> {
        if !self.complete {
            return self.left.clone();
        }
        let named = self.characters.iter().map(|character| character.id);
        let named: BTreeSet<_> = named.collect();
        known.filter(|id| !named.contains(id)).collect()
    }
}

/// The encoded `google.protobuf.FileDescriptorSet` of both files, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use field_error::FieldError;
pub use user::user::UserType;

/// The id of the character that is on every stage: `PositionReq` and `PositionPub` are about it.
pub const DEFAULT_CHARACTER: u32 = 1;
