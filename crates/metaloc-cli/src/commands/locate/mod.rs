//! `metaloc locate`.

mod answer;
mod csi;
mod rss;

use anyhow::bail;
use metaloc::model_file::{self, Loaded};

use crate::args::Locate;

pub(crate) fn run(args: &Locate, quiet: bool) -> anyhow::Result<()> {
    match model_file::read(&args.model)? {
        Loaded::Site(site) => rss::run(args, *site, quiet),
        Loaded::CsiSite(site) => csi::run(args, *site, quiet),
        Loaded::Meta(_)
        | Loaded::Checkpoint(..)
        | Loaded::CsiMeta(_)
        | Loaded::CsiCheckpoint(..) => bail!(
            "{}: not adapted to any environment yet; run `metaloc adapt` first",
            args.model.display()
        ),
    }
}
