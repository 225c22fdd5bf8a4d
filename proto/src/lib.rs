//! The wire contract of Soundstage: the types generated from `user.proto` and `position.proto`, and the rules that
//! server, command line and page share.
//!
//! Compiles for native targets and for `wasm32-unknown-unknown`.

use std::collections::BTreeSet;

mod combining_marks;
pub mod descriptor;
pub mod encoded;
mod field_error;
pub mod user_rules;
pub mod user_types;

/// The full name of the service of users.
pub const USER_MANAGER: &str = "UserManager";

/// The full name of the service of the stage.
pub const POSITION_SERVICE: &str = "posXYZ.PositionService";

/// The user directory (`user.proto`). The file has no package, so method paths start with `/UserManager/`.
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
    /// Returns the characters that have left: the characters that the update lists as left, or the `known` characters
    /// that a complete update does not contain.
    pub fn gone(&self, known: impl Iterator<Item = u32>) -> Vec<u32> {
        if !self.complete {
            return self.left.clone();
        }
        let present = self.characters.iter().map(|character| character.id);
        let present: BTreeSet<_> = present.collect();
        known.filter(|id| !present.contains(id)).collect()
    }
}

/// The encoded `google.protobuf.FileDescriptorSet` of both files and their imports, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use field_error::FieldError;
pub use user::user::UserType;

/// The id of the default character, which `PositionReq` and `PositionPub` read and move.
pub const DEFAULT_CHARACTER: u32 = 1;
