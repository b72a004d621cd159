using System.Xml.Linq;
using NUnit.Framework;

namespace BigFs.Architecture.Tests;

/// <summary>Who may know whom, between projects and between the folders of Core.</summary>
public sealed class DependencyRules
{
    private static readonly Dictionary<string, string[]> Projects = new()
    {
        ["BigFs.Core"] = [],
        ["BigFs.Protocol"] = [],
        ["BigFs.Sdk"] = ["BigFs.Core", "BigFs.Protocol"],
        ["BigFs.Hosting"] = ["BigFs.Core", "BigFs.Protocol", "BigFs.Sdk"],
        ["BigFs.Hosting.Kafka"] = ["BigFs.Hosting"],
        ["BigFs.Hosting.Gateway"] = ["BigFs.Core", "BigFs.Hosting", "BigFs.Protocol", "BigFs.Sdk"],
        ["BigFs.Hosting.PostgreSql"] = ["BigFs.Core", "BigFs.Hosting"],
        ["BigFs.Cli"] = ["BigFs.Hosting", "BigFs.Hosting.Gateway", "BigFs.Hosting.Kafka", "BigFs.Hosting.PostgreSql", "BigFs.Sdk"],
    };

    /// <summary>What a folder of Core may know beside itself and Model.</summary>
    private static readonly Dictionary<string, string[]> CoreFolders = new()
    {
        ["Model"] = [],
        ["Chunking"] = [],
        ["Faults"] = [],
        ["Threading"] = [],
        ["Security"] = [],
        ["Storage"] = ["Chunking", "Faults", "Threading"],
        ["Transfer"] = ["Chunking", "Faults", "Security", "Storage", "Threading"],
        ["Metadata"] = ["Chunking"],
        ["Messaging"] = ["Membership"],
        ["Membership"] = [],
        ["Placement"] = ["Membership"],
        ["Replication"] = ["Control", "Membership", "Security", "Storage"],
        ["Control"] = ["Membership", "Metadata", "Storage"],
    };

    [Test]
    public void Every_project_references_only_the_projects_that_it_may_know()
    {
        string[] sources = [.. Repository.Files("src", "*.csproj")];
        Assert.That(sources.Select(Path.GetFileNameWithoutExtension), Is.EquivalentTo(Projects.Keys));
        foreach (string file in sources)
        {
            IEnumerable<string> references = XDocument.Parse(Repository.Read(file)).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.That(references, Is.SubsetOf(Projects[Path.GetFileNameWithoutExtension(file)]), file);
        }
    }

    [Test]
    public void Every_folder_of_Core_knows_only_the_folders_that_it_may_know()
    {
        foreach (string file in Repository.Files("src/BigFs.Core", "*.cs"))
        {
            string folder = file.Split('/')[2];
            Assert.That(CoreFolders, Does.ContainKey(folder), $"{file}: a new folder needs a line in this test");
            string[] allowed = [.. CoreFolders[folder], folder, .. folder == "Model" ? Array.Empty<string>() : ["Model"]];
            IEnumerable<string> known = Repository.Usings(file)
                .Where(name => name.StartsWith("BigFs.Core.", StringComparison.Ordinal))
                .Select(name => name.Split('.')[2]);
            Assert.That(known, Is.SubsetOf(allowed), file);
        }
    }

    [Test]
    public void Namespaces_follow_folders_and_what_users_hold_is_in_BigFs()
    {
        foreach (string file in Repository.Files("src/BigFs.Core", "*.cs"))
        {
            string folder = file.Split('/')[2];
            string line = Repository.Read(file).Split('\n').First(text => text.StartsWith("namespace ", StringComparison.Ordinal));
            Assert.That(line.Trim(), Is.EqualTo($"namespace BigFs.Core.{folder};").Or.EqualTo("namespace BigFs;"), file);
        }
    }

    [TestCase("Grpc", "src/BigFs.Sdk", "Grpc")]
    [TestCase("Google.Protobuf", "src/BigFs.Sdk", "Grpc")]
    [TestCase("BigFs.Protocol", "src/BigFs.Sdk", "Grpc")]
    [TestCase("Grpc", "src/BigFs.Hosting", "Grpc")]
    [TestCase("Google.Protobuf", "src/BigFs.Hosting", "Grpc")]
    [TestCase("BigFs.Protocol", "src/BigFs.Hosting", "Grpc")]
    [TestCase("Microsoft.Data.Sqlite", "src/BigFs.Hosting", "Persistence")]
    [TestCase("Confluent.Kafka", "src", "BigFs.Hosting.Kafka")]
    [TestCase("Yarp", "src", "BigFs.Hosting.Gateway")]
    [TestCase("Npgsql", "src/BigFs.Cli", "none")]
    public void Types_of_an_engine_stay_in_the_files_that_speak_it(string engine, string project, string home)
    {
        foreach (string file in Repository.Files(project, "*.cs"))
        {
            bool speaks = file.Contains($"/{home}/", StringComparison.Ordinal)
                || (home == "Grpc" && IsGrpcFile(Path.GetFileNameWithoutExtension(file)));
            if (!speaks)
            {
                Assert.That(
                    Repository.Usings(file).Where(name => name == engine || name.StartsWith(engine + ".", StringComparison.Ordinal)),
                    Is.Empty,
                    file);
            }
        }
    }

    [Test]
    public void Core_uses_no_transport_web_or_database_package()
    {
        IEnumerable<string> packages = XDocument.Parse(Repository.Read("src/BigFs.Core/BigFs.Core.csproj"))
            .Descendants("PackageReference").Select(reference => reference.Attribute("Include")!.Value);
        Assert.That(
            packages,
            Is.EquivalentTo(new[] { "Microsoft.Extensions.Logging.Abstractions", "Microsoft.CodeAnalysis.BannedApiAnalyzers" }));
    }

    /// <summary>Services, clients and mappings of gRPC carry it in their names; the relay is the bus over it.</summary>
    private static bool IsGrpcFile(string name) =>
        name.StartsWith("Grpc", StringComparison.Ordinal)
        || name.StartsWith("Relay", StringComparison.Ordinal)
        || name.EndsWith("Service", StringComparison.Ordinal)
        || name.EndsWith("Mapping", StringComparison.Ordinal);
}
