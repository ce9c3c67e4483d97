//! The rules between fields of a workflow, in CEL; those of the other kinds are in `rules`.

use schemars::Schema;

use super::rules::{Rule, attach};

/// Where a step of a workflow puts a file.
pub(super) fn file_location(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "has(self.s3FileLocation) != has(self.efsFileLocation)",
            "a location needs exactly one of s3FileLocation and efsFileLocation",
        )],
    );
}

/// A step of a workflow has the details of its own type.
pub(super) fn step(schema: &mut Schema) {
    attach(schema, STEP);
}

const STEP: &[Rule] = &[
    ("(self.type == 'COPY') == has(self.copyStepDetails)", "copyStepDetails goes with type COPY, and only with it"),
    (
        "(self.type == 'CUSTOM') == has(self.customStepDetails)",
        "customStepDetails goes with type CUSTOM, and only with it",
    ),
    (
        "(self.type == 'DELETE') == has(self.deleteStepDetails)",
        "deleteStepDetails goes with type DELETE, and only with it; it may be empty",
    ),
    ("(self.type == 'TAG') == has(self.tagStepDetails)", "tagStepDetails goes with type TAG, and only with it"),
    (
        "(self.type == 'DECRYPT') == has(self.decryptStepDetails)",
        "decryptStepDetails goes with type DECRYPT, and only with it",
    ),
];
