using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Enumerable = System.Linq.Enumerable;

namespace BigFs.Hosting.Tests.Grpc;

/// <summary>
/// Random values of the model's types, every property set, and their text form for comparisons; by reflection, so that a
/// property that is added is compared without a change here.
/// </summary>
internal sealed class Samples(int seed)
{
    private readonly Random _random = new(seed);

    public object? Create(Type type, NullabilityInfo nullability, string name)
    {
        bool canBeNull = nullability.ReadState == NullabilityState.Nullable;
        if (canBeNull && _random.Next(3) == 0)
        {
            return null;
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when type == typeof(Guid) => Guid(),
            _ when type == typeof(byte) => (byte)_random.Next(256),
            _ when type == typeof(bool) => _random.Next(2) == 0,
            _ when type == typeof(int) => name.ToLowerInvariant() is "replicas" or "limit" or "count" or "grants" or "copies" or "maxbytes"
                ? _random.Next(1, 9)
                : (object)(int)Number(),
            _ when type == typeof(uint) => (uint)Number(),
            _ when type == typeof(long) => Number(),
            _ when type == typeof(ulong) => (ulong)Number(),
            _ when type == typeof(string) => name.EndsWith("Endpoint", StringComparison.Ordinal)
                ? $"127.0.0.1:{_random.Next(1, 65536)}"
                : Text(canBeNull ? 0 : 1),
            _ when type == typeof(ReadOnlyMemory<byte>) => new ReadOnlyMemory<byte>(Guid().ToByteArray()[.._random.Next(16)]),
            _ when type == typeof(TimeSpan) => TimeSpan.FromTicks(_random.NextInt64(long.MaxValue)),
            _ when type == typeof(DateTimeOffset) =>
                new DateTimeOffset(_random.NextInt64(DateTimeOffset.MaxValue.Ticks + 1), TimeSpan.Zero),
            _ when type == typeof(BigFsPath) => _random.Next(8) == 0 ? default : BigFsPath.Root / Text(1) / Text(1),
            _ when type.IsEnum => Pick(Enum.GetValues(type)),
            _ when type == typeof(BigFsEntry) => Record(_random.Next(2) == 0 ? typeof(BigFsFile) : typeof(BigFsDirectory)),
            _ when type.IsAssignableTo(typeof(ITuple)) => Tuple(type, nullability),
            _ when type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) =>
                Array(type, nullability),
            _ when type.IsAssignableFrom(typeof(ImmutableSortedDictionary<string, string>)) =>
                Enumerable.Range(0, _random.Next(4)).ToImmutableSortedDictionary(
                    i => i + Text(0), _ => Text(0), StringComparer.Ordinal),
            _ => Record(type),
        };
    }

    /// <summary>All of a value, as text.</summary>
    public static string Dump(object? value)
    {
        switch (value)
        {
            case null:
                return "null";
            case string or BigFsPath or System.Guid or TimeSpan or Enum or bool:
                return $"\"{value}\"";
            case ReadOnlyMemory<byte> bytes:
                return Convert.ToHexString(bytes.Span);
            case DateTimeOffset instant:
                return instant.ToString("O");
            case IFormattable number when value.GetType().IsPrimitive:
                return number.ToString(null, null);
            case ITuple tuple:
                return "(" + string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Dump(tuple[i]))) + ")";
            case System.Collections.IEnumerable list:
                return "[" + string.Join(", ", list.Cast<object?>().Select(Dump)) + "]";
            default:
                var text = new StringBuilder(value.GetType().Name).Append(" {");
                foreach (PropertyInfo property in Properties(value.GetType()))
                {
                    text.Append(' ').Append(property.Name).Append(" = ").Append(Dump(property.GetValue(value)));
                }

                return text.Append(" }").ToString();
        }
    }

    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetIndexParameters().Length == 0)
            .OrderBy(property => property.Name, StringComparer.Ordinal);

    private object Record(Type type)
    {
        object record = RuntimeHelpers.GetUninitializedObject(type);
        var context = new NullabilityInfoContext();
        foreach (PropertyInfo property in Properties(type).Where(property => property.CanWrite))
        {
            property.SetValue(record, Create(property.PropertyType, context.Create(property), property.Name));
        }

        return record;
    }

    private object Tuple(Type type, NullabilityInfo nullability) => Activator.CreateInstance(
        type, [.. type.GetGenericArguments().Select((item, i) => Create(item, nullability.GenericTypeArguments[i], ""))])!;

    private object Array(Type type, NullabilityInfo nullability)
    {
        Type item = type.GetGenericArguments()[0];
        var items = System.Array.CreateInstance(item, _random.Next(4));
        for (int i = 0; i < items.Length; i++)
        {
            items.SetValue(Create(item, nullability.GenericTypeArguments[0], ""), i);
        }

        return typeof(ImmutableCollectionsMarshalled).GetMethod(nameof(ImmutableCollectionsMarshalled.From))!
            .MakeGenericMethod(item).Invoke(null, [items])!;
    }

    private Guid Guid()
    {
        var bytes = new byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }

    private long Number() => _random.Next(4) switch
    {
        0 => _random.Next(-2, 3),
        1 => _random.Next(2) == 0 ? long.MaxValue : long.MinValue,
        _ => _random.NextInt64(long.MinValue, long.MaxValue),
    };

    private string Text(int least) => string.Concat(
        Enumerable.Range(0, _random.Next(least, 8)).Select(_ => (string)Pick(new[] { "a", "B", "0", " ", "é", "漢", "😀", "%" })));

    private object Pick(Array values) => values.GetValue(_random.Next(values.Length))!;

    private static class ImmutableCollectionsMarshalled
    {
        public static ImmutableArray<T> From<T>(T[] items) => ImmutableArray.Create(items);
    }
}
