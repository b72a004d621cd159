using BigFs.Core.Messaging;
using BigFs.Hosting.Messaging;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>The envelope of relay and brokers.</summary>
public sealed class BusMappingTests
{
    [Test]
    public void An_event_comes_back_from_its_bytes_as_it_was()
    {
        foreach (ClusterEvent sent in BusSamples.All)
        {
            Assert.That(BusMapping.Decode(BusMapping.Encode(sent), out _), Is.EqualTo(sent));
        }
    }

    [Test]
    public void Another_version_is_no_poison()
    {
        byte[] newer = new Protocol.BusMessage { Version = 2, MapChanged = new() { Version = 1 } }.ToByteArray();
        Assert.That(BusMapping.Decode(newer, out SetAsideReason reason), Is.Null);
        Assert.That(reason, Is.EqualTo(SetAsideReason.UnknownVersion));
    }

    [Test]
    public void Fields_from_the_future_are_passed_over()
    {
        // Field 100 of the event, a number.
        byte[] inner = [.. new Protocol.ClusterMapChanged { Version = 9 }.ToByteArray(), 0xA0, 0x06, 0x01];
        byte[] newer = [0x08, 0x01, 0x1A, (byte)inner.Length, .. inner];
        Assert.That(BusMapping.Decode(newer, out _), Is.EqualTo(new ClusterMapChanged { Version = 9 }));
    }

    [Test]
    public void Whatever_bytes_come_are_an_event_or_set_aside_and_nothing_else()
    {
        var random = new Random(20260131);
        byte[][] valid = [.. BusSamples.All.Select(BusMapping.Encode)];
        int poison = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. valid[i % valid.Length]];
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            bytes = i % 3 == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
            poison += BusMapping.Decode(bytes, out SetAsideReason reason) is null && reason == SetAsideReason.Poison ? 1 : 0;
        }

        Assert.That(poison, Is.GreaterThan(1000));
    }

    [Test]
    public void What_is_set_aside_is_counted_and_only_the_last_of_it_kept()
    {
        using var log = new RecordedLog();
        var aside = new SetAsideMessages(TimeProvider.System, log);
        for (int i = 0; i < 1000; i++)
        {
            aside.Add(ClusterTopic.ClusterUpdates, $"place {i}", SetAsideReason.Poison, new byte[1000]);
        }

        Assert.That(aside.Count, Is.EqualTo(1000));
        Assert.That(aside.Last, Has.Length.EqualTo(SetAsideMessages.Capacity));
        Assert.That(aside.Last[^1].Source, Is.EqualTo("place 999"));
        Assert.That(aside.Last[^1].Length, Is.EqualTo(1000));
        Assert.That(aside.Last[^1].Head, Has.Length.EqualTo(SetAsideMessages.MostBytes));
        Assert.That(log.Count("ClusterBusMessageSetAside"), Is.EqualTo(1));
    }

    [Test]
    public void What_is_set_aside_shows_in_the_metrics()
    {
        var counted = new Dictionary<string, long>();
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Name == "BigFs" && instrument.Name == "bigfs.bus.set_aside")
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            string key = string.Join(' ', tags.ToArray().Select(tag => tag.Value));
            lock (counted)
            {
                counted[key] = counted.GetValueOrDefault(key) + value;
            }
        });
        listener.Start();
        new SetAsideMessages(TimeProvider.System, NullLogger.Instance)
            .Add(ClusterTopic.MetadataInvalidations, "here", SetAsideReason.UnknownVersion, [1]);

        Assert.That(counted["metadata_invalidation_events UnknownVersion"], Is.EqualTo(1));
    }
}
