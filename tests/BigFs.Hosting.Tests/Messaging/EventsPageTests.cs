using BigFs.Core.Messaging;
using BigFs.Hosting.Kafka;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>docs/events.md against the code.</summary>
public sealed class EventsPageTests
{
    [Test]
    public void The_topics_in_the_docs_are_those_that_are_made()
    {
        string[][] rows =
        [
            .. File.ReadAllLines(Path.Combine(Root(), "docs", "events.md"))
                .SkipWhile(line => line != "## Topics").SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|'))
                .Skip(2).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1]),
        ];
        Assert.That(
            rows.Select(row => $"{row[0]} {row[5]} {row[6]}"),
            Is.EqualTo(KafkaTopic.All.Select(topic => $"{topic.Topic.Name()} {topic.Partitions} {topic.Retention.TotalMinutes} min")));
        Assert.That(KafkaTopic.All.Select(topic => topic.Topic), Is.EquivalentTo(Enum.GetValues<ClusterTopic>()));
    }

    private static string Root()
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "BigFs.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder!;
    }
}
