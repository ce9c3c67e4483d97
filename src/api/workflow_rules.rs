//! What the API server takes of a workflow: the shapes of its texts, and rules between its fields in CEL. Those of the
//! other kinds are in `pattern` and `rules`.

use schemars::Schema;

use super::pattern::Pattern;
use super::rules::{self, Rule, attach};

/// A bucket in a workflow: AWS takes no capitals there.
pub(super) const S3_BUCKET: Pattern = Pattern::new(
    r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
    "the name of a bucket alone, of small letters, digits, - and ., such as partner-files; a folder goes into key",
);
/// A file system of EFS or an access point, by id or ARN.
pub(super) const FILE_SYSTEM: Pattern = Pattern::new(
    r"^(arn:aws[a-z-]*:elasticfilesystem:[0-9a-z:-]+:(access-point/fsap|file-system/fs)-[0-9a-f]{8,40}|fs(ap)?-[0-9a-f]{8,40})$",
    "the id or ARN of an EFS file system or access point, such as fs-0123456789abcdef0",
);
/// The name of a step of a workflow. AWS's `\w` is ASCII only.
pub(super) const STEP_NAME: Pattern =
    Pattern::new(r"^[A-Za-z0-9_-]*$", "a name of letters without accents, digits, _ and -, such as copy-to-archive");
/// The description of a workflow.
pub(super) const WORKFLOW_DESCRIPTION: Pattern = Pattern::new(
    r"^[A-Za-z0-9_ -]*$",
    "letters without accents, digits, spaces, _ and -, such as \"archive and scan\"",
);
/// Which file a step takes. Written without the variable itself, which templates would fill in.
pub(super) const SOURCE_FILE: Pattern = Pattern::new(
    r"^\$\{(previous|original)\.file\}$",
    "previous.file or original.file, in braces behind a dollar sign",
);
/// Key or value of a tag in S3.
pub(super) const S3_TAG: Pattern = Pattern::new(
    r"^[\p{L}\p{Z}\p{N}_.:/=+@-]*$",
    "text of letters, digits, spaces and _ . : / = + - @, such as invoice",
);

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

/// How a server names a workflow.
pub(super) fn attached(schema: &mut Schema) {
    attach(
        schema,
        &[("has(self.workflowRef) != has(self.workflowId)", "exactly one of workflowRef and workflowId is needed")],
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

/// As of a server: no server of another region could use it.
pub(super) const REGION_IMMUTABLE: Rule = (
    rules::REGION_IMMUTABLE.0,
    "spec.region cannot be changed: the workflow lives there; make a new TransferWorkflow for another region",
);
