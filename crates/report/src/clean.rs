//! Names come from templates that anybody may have written: nothing in them may steer a terminal,
//! a log viewer or a reader's eye.

use lockfast_policy::{Finding, Location};

/// Takes control characters out, so that a name cannot hide, recolour or rewrite output.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            // Bidirectional controls reorder what a person reads.
            '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            // No character of XML 1.0.
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The same for text of several lines.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n')
        .map(|line| clean(line.trim_end_matches('\r')))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A finding that may be shown to people as it is: every name, place and sentence in it cleaned.
pub(crate) fn finding(mut finding: Finding) -> Finding {
    let resource = &mut finding.resource;
    for text in [
        &mut finding.message,
        &mut resource.id,
        &mut resource.kind,
        &mut resource.part,
    ] {
        *text = clean(text);
    }
    for text in [
        &mut finding.when,
        &mut resource.logical_id,
        &mut resource.construct_path,
        &mut resource.creation_site,
        &mut resource.stack,
        &mut resource.account,
        &mut resource.region,
        &mut resource.environment,
        &mut resource.classification,
    ] {
        optional(text);
    }
    for fact in &mut finding.facts {
        fact.name = clean(&fact.name);
        fact.value = clean(&fact.value);
        optional(&mut fact.because);
        if let Some(at) = &mut fact.origin {
            place(at);
        }
    }
    for step in &mut finding.steps {
        step.what = clean(&step.what);
        place(&mut step.origin);
    }
    for note in &mut finding.notes {
        *note = clean(note);
    }
    if let Some(fix) = &mut finding.fix {
        for text in [&mut fix.text, &mut fix.cloudformation, &mut fix.cdk] {
            *text = clean_lines(text);
        }
    }
    if let Some(waiver) = &mut finding.waiver {
        waiver.reason = clean(&waiver.reason);
        waiver.origin = clean(&waiver.origin);
        optional(&mut waiver.owner);
        optional(&mut waiver.expires);
    }
    if let Some(at) = &mut finding.origin {
        place(at);
    }
    finding
}

fn optional(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = clean(text);
    }
}

fn place(at: &mut Location) {
    at.file = clean(&at.file);
}
