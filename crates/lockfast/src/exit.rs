//! Exit codes.

/// The policy is kept.
pub const KEPT: u8 = 0;
/// A control fails.
pub const BROKEN: u8 = 1;
/// The command line or the policy file is wrong.
pub const USAGE: u8 = 2;
/// Some input could not be read, or there was nothing to judge.
pub const UNREADABLE: u8 = 3;
/// More verdicts are unknown than `--max-unknown` allows.
pub const UNKNOWN: u8 = 4;
/// What `--send` should hand over did not all arrive.
pub const UNSENT: u8 = 5;

/// What each code means, for `--help` and the generated reference.
pub const HELP: &str = "Exit codes:
  0  the policy is kept: nothing at or above --fail-on fails
  1  the policy is broken: a control fails
  2  the command line or the policy file is wrong
  3  some input could not be read, a call to AWS or an endpoint gave no answer (the rest was judged), or no template was found
  4  more verdicts are unknown than --max-unknown allows
  5  not all that --send should hand over arrived
When several hold, the first of 2, 5, 1, 3, 4 is given.";

/// What each code means for `lockfast drift`.
pub const DRIFT_HELP: &str = "Exit codes:
  0  what is live is what the templates say
  1  something differs, is not live, or is defined by no template
  2  the command line is wrong, or the snapshot cannot be read
  3  nothing differs as far as can be told, but something could not be joined, compared or read
When 1 and 3 hold, 1 is given.";

/// What each code means for `lockfast keys`.
pub const KEYS_HELP: &str = "Exit codes:
  0  it was told, or done
  1  a key is late or lacks something, or what was begun was stopped or did not come true
  2  the command line or the policy file is wrong, there is no such key, or a request or approval is refused
  3  some input could not be read, or a call to AWS gave no answer
  4  it cannot be told";

/// What each code means for `lockfast can` and `who-can`.
pub const CAN_HELP: &str = "Exit codes:
  0  allowed (who-can: it was told)
  1  not allowed
  2  the command line is wrong, or there is no such principal or resource
  3  some input could not be read
  4  possible: it depends on what is not known";

/// What each code means for `lockfast trail`.
pub const TRAIL_HELP: &str = "Exit codes:
  0  it was told
  1  what was looked for was found: an altered or missing file, an anomaly, a detection
  2  the command line or the query is wrong, or no log file is there
  3  some file could not be read, or not in whole; the rest was
When several hold, the first of 2, 1, 3 is given.";

/// What each code means for `lockfast ledger`.
pub const LEDGER_HELP: &str = "Exit codes:
  0  it is whole, or done
  1  an entry was edited, removed or moved
  2  the command line is wrong, or there is no such ledger
When several hold, 2 is given.";

/// What each code means for `lockfast respond` and `lockfast incident`.
pub const RESPOND_HELP: &str = "Exit codes:
  0  it was told; or done, and the response is complete
  1  steps failed, or the response is not complete: something is, or may be, under the old key
  2  the command line is wrong, there is no such key or incident, or what was asked is refused
  3  some input could not be read
When several hold, the first of 2, 1, 3 is given.";
