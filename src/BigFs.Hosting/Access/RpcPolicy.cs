using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>Who may make a call.</summary>
internal sealed record RpcPolicy
{
    /// <summary>Everybody, without a key.</summary>
    public bool IsOpen { get; private init; }

    /// <summary>A client whose key has one of these rights; none: no client.</summary>
    public AccessRights Rights { get; private init; }

    /// <summary>Whether the client's root must be "/": what it asks for is about everything.</summary>
    public bool NeedsWholeRoot { get; private init; }

    /// <summary>The roles that may make it, proven by their token; empty: none.</summary>
    public ImmutableArray<ServiceRole> Callers { get; private init; } = [];

    /// <summary>The role that is called.</summary>
    public ServiceRole Callee { get; init; }

    /// <summary>Everybody may.</summary>
    public static RpcPolicy Open() => new() { IsOpen = true };

    /// <summary>Clients whose keys have any of the rights.</summary>
    public static RpcPolicy Client(AccessRights anyOf) => new() { Rights = anyOf };

    /// <summary>Administrators of the whole cluster: the right to administer, and the root of everything.</summary>
    public static RpcPolicy Operators() => new() { Rights = AccessRights.Admin, NeedsWholeRoot = true };

    /// <summary>These roles alone; no client, whatever its key.</summary>
    public static RpcPolicy Roles(params ImmutableArray<ServiceRole> callers) => new() { Callers = callers };

    /// <summary>Clients with any key, and these roles.</summary>
    public static RpcPolicy Both(AccessRights anyOf, params ImmutableArray<ServiceRole> callers) =>
        new() { Rights = anyOf, Callers = callers };
}
