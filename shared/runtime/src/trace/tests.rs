use super::*;

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

#[test]
fn a_header_is_read_and_written_as_it_was() {
    for header in [
        format!("Root={ROOT}"),
        format!("Root={ROOT};Sampled=0"),
        format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"),
    ] {
        let trace = Trace::read(&header).unwrap();
        assert_eq!(trace.id(), ROOT);
        assert_eq!(trace.header(), header);
    }
}

/// Callers may send the header, and logs and queues would have it.
#[test]
fn nothing_is_kept_that_is_no_trace() {
    let kept = |header: &str| Trace::read(header).map(|trace| trace.header());
    let plain = Some(format!("Root={ROOT}"));
    assert_eq!(kept(&format!("Self=1-x;Root={ROOT};Lineage=a:0;Parent=x;Sampled=?")), plain);
    assert_eq!(kept(&format!("evil=\u{1b}[31m; Root={ROOT}")), plain);
    for header in [
        "",
        "Root=",
        ROOT,
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a99427279\n",
        "Root=1-5759e988-BD862E3FE1BE46A994272793",
        "Root=1-5759e988-bd862e3fe1be46a994272793-0",
    ] {
        assert_eq!(kept(header), None, "{header}");
    }
}
