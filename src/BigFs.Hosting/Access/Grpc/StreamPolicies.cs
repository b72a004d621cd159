using System.Collections.Frozen;
using BigFs.Core.Security;
using Operation = BigFs.Protocol.Call.OperationOneofCase;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>
/// The rights that the operations of a client's stream ask for: as their unary forms do. What does not stand here is not for
/// clients, and asks for none that exists.
/// </summary>
internal static class StreamPolicies
{
    /// <summary>Every operation of the stream; those with no right at all are for roles.</summary>
    public static FrozenDictionary<Operation, AccessRights> ByOperation { get; } = new Dictionary<Operation, AccessRights>
    {
        [Operation.Grant] = AccessRights.Write,
        [Operation.CommitUpload] = AccessRights.Write,
        [Operation.CommitFile] = AccessRights.Write,
        [Operation.Open] = AccessRights.Read,
        [Operation.Find] = AccessRights.Read,
        [Operation.FindMetadata] = AccessRights.None,
    }.ToFrozenDictionary();

    /// <summary>The rights, any of which suffices; none where nobody may.</summary>
    public static AccessRights RightsFor(Operation operation) =>
        ByOperation.GetValueOrDefault(operation, AccessRights.None);
}
