using System.Reflection;
using NUnit.Framework;

namespace BigFs.Architecture.Tests;

/// <summary>What users of the packages see.</summary>
public sealed class PublicSurface
{
    private const BindingFlags Visible =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Test]
    public void No_public_member_of_the_Sdk_shows_a_type_of_Core_or_of_the_wire()
    {
        Type[] types = typeof(IBigFsClient).Assembly.GetExportedTypes();
        Assert.That(types, Is.Not.Empty);
        foreach (Type type in types)
        {
            foreach (MemberInfo member in type.GetMembers(Visible).Where(IsVisible))
            {
                Assert.That(Shown(member).SelectMany(Unwrap).Where(IsInternal), Is.Empty, $"{type.FullName}.{member.Name}");
            }
        }
    }

    [Test]
    public void Hosting_shows_no_type_of_Core_or_of_the_wire_either()
    {
        foreach (Type type in typeof(BigFs.Hosting.BigFsCluster).Assembly.GetExportedTypes())
        {
            foreach (MemberInfo member in type.GetMembers(Visible).Where(IsVisible))
            {
                Assert.That(Shown(member).SelectMany(Unwrap).Where(IsInternal), Is.Empty, $"{type.FullName}.{member.Name}");
            }
        }
    }

    [Test]
    public void Public_types_of_the_Sdk_are_in_namespace_BigFs_or_where_users_of_dependency_injection_look()
    {
        Assert.That(
            typeof(IBigFsClient).Assembly.GetExportedTypes().Select(type => type.Namespace).Distinct(),
            Is.SubsetOf(new[] { "BigFs", "Microsoft.Extensions.DependencyInjection" }));
    }

    private static bool IsVisible(MemberInfo member) => member switch
    {
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible),
        EventInfo one => one.AddMethod is { } add && IsVisible(add),
        _ => false,
    };

    private static IEnumerable<Type> Shown(MemberInfo member) => member switch
    {
        MethodInfo method => [method.ReturnType, .. method.GetParameters().Select(parameter => parameter.ParameterType)],
        ConstructorInfo constructor => constructor.GetParameters().Select(parameter => parameter.ParameterType),
        FieldInfo field => [field.FieldType],
        PropertyInfo property => [property.PropertyType],
        EventInfo one => [one.EventHandlerType!],
        _ => [],
    };

    private static IEnumerable<Type> Unwrap(Type type) =>
        type.HasElementType ? Unwrap(type.GetElementType()!)
        : type.IsGenericType ? [type, .. type.GetGenericArguments().SelectMany(Unwrap)]
        : [type];

    private static bool IsInternal(Type type) =>
        (type.Namespace ?? "") is var name
        && (name.StartsWith("BigFs.Core", StringComparison.Ordinal)
            || name.StartsWith("BigFs.Protocol", StringComparison.Ordinal)
            || name.StartsWith("Grpc", StringComparison.Ordinal)
            || name.StartsWith("Google.Protobuf", StringComparison.Ordinal)
            || name.StartsWith("Microsoft.Data.Sqlite", StringComparison.Ordinal));
}
