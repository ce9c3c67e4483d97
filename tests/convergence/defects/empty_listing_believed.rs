//! One empty listing is believed: nobody waits until a create that was sent must be seen in it.

use jiff::SignedDuration;
use transfer_operator::engine::consistency::Windows;
use transfer_operator::engine::settings::Settings;

use super::{Defect, Seams, Setting};
use crate::setup::{Blow, Moment};

pub static DEFECT: Defect = Defect {
    name: "EmptyListingBelieved",
    put_in: |seams: Seams| {
        let windows = Windows::new(SignedDuration::ZERO, SignedDuration::ZERO);
        Seams { settings: Settings { windows, ..seams.settings }, ..seams }
    },
    settings: |references| {
        let killed = Setting::of("W1-server").at("CreateServer", Moment::Sent, Blow::Kill, references);
        vec![killed.listing_lag(60)]
    },
};
