using BigFs.Core.Security;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>Who makes a request, as the gateway's door found out.</summary>
/// <param name="Key">The record of the key; null where none are required.</param>
/// <param name="Text">The key itself, to be passed on; null where none are required.</param>
internal sealed record Caller(AccessKeyRecord? Key, string? Text)
{
    /// <summary>Where no keys are required.</summary>
    public static Caller Anybody { get; } = new(null, null);

    /// <summary>Without the key.</summary>
    public override string ToString() => Key is { } key ? $"the owner of {key.Id}" : "anybody";
}
