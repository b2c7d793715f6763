use super::*;

#[test]
fn scopes_read_as_they_were_written() {
    for scopes in [Scopes::default(), Scopes::all(), Scope::ALL.into_iter().skip(1).collect()] {
        assert_eq!(Scopes::read(&scopes.to_string()), scopes);
    }
    assert_eq!(Scopes::all().to_string(), "jobs:write jobs:read account:read webhooks:write");
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse(), Ok(scope));
        let alone: Scopes = [scope].into_iter().collect();
        let opened: Vec<Scope> =
            Scope::ALL.into_iter().filter(|other| alone.contains(*other)).collect();
        assert_eq!(opened, [scope]);
        assert!(!alone.is_all());
    }
}

#[test]
fn what_is_no_scope_opens_nothing() {
    for word in ["", " ", "jobs", "jobs:*", "*", "JOBS:READ", "jobs:read,", "admin", "jobs:read\t"]
    {
        assert_eq!(word.parse::<Scope>(), Err(BadScope), "{word}");
        assert_eq!(Scopes::read(word), Scopes::default(), "{word}");
    }
    let known: Scopes = [Scope::JobsRead].into_iter().collect();
    assert_eq!(Scopes::read("later:thing jobs:read  jobs:read"), known);
}
