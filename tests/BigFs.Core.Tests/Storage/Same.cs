using NUnit.Framework.Constraints;

namespace BigFs.Core.Tests.Storage;

/// <summary>Compares megabytes as bytes: the framework's own comparison boxes each of them.</summary>
internal sealed class Same(byte[] expected) : Constraint
{
    public override string Description => $"the same {expected.Length} bytes";

    public static Same As(byte[] expected) => new(expected);

    public override ConstraintResult ApplyTo<TActual>(TActual actual) => new(
        this,
        actual is byte[] bytes ? $"{bytes.Length} bytes, equal for {bytes.AsSpan().CommonPrefixLength(expected)}" : "nothing",
        actual is byte[] same && same.AsSpan().SequenceEqual(expected));
}
