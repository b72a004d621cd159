using BigFs.Core.Messaging;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Kafka;

/// <summary>
/// Looks every other second whether the topics are there and makes those that are missing; says when the broker is away and
/// when it is back, and when a topic is no more the one that it was: the client library, which compares leader epochs, takes
/// what it hears of a topic made anew for old news, so its clients are made anew as well.
/// </summary>
internal sealed class KafkaTopicKeeper : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly BigFsKafkaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IAdminClient _admin;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<IReadOnlyCollection<string>> _renewed;
    private readonly HashSet<string> _refused = [];
    private readonly Dictionary<string, string> _ids = [];
    private readonly Task _loop;

    /// <summary>Starts to look.</summary>
    /// <param name="admin">Looks after topics.</param>
    /// <param name="options">Names and replication.</param>
    /// <param name="renewed">Is told the names of topics that were deleted and made anew.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    public KafkaTopicKeeper(
        IAdminClient admin,
        BigFsKafkaOptions options,
        Action<IReadOnlyCollection<string>> renewed,
        TimeProvider time,
        ILogger logger)
    {
        (_admin, _options, _renewed, _time, _logger) = (admin, options, renewed, time, logger);
        _loop = LookAsync();
    }

    /// <summary>Ends; a request under way ends first.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task LookAsync()
    {
        bool? isAway = null;
        bool hasMade = false;
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                hasMade = await MakeMissingAsync().ConfigureAwait(false);
                if (isAway != false)
                {
                    KafkaLog.Back(_logger, _options.Servers);
                }

                (isAway, failures) = (false, 0);
            }
            catch (KafkaException away)
            {
                if (isAway != true)
                {
                    KafkaLog.Away(_logger, _options.Servers, away.Error.Reason);
                }

                (isAway, hasMade, failures) = (true, false, failures + 1);
            }

            TimeSpan pause = hasMade ? FirstPause : failures == 0 ? Period : Backoff.Pause(failures - 1, FirstPause, LongestPause);
            await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whether some were missing and are made.</summary>
    private async Task<bool> MakeMissingAsync()
    {
        var names = TopicCollection.OfTopicNames(KafkaTopic.All.Select(topic => topic.Name(_options.TopicPrefix)));
        List<TopicDescription> found;
        try
        {
            found = (await _admin.DescribeTopicsAsync(
                names, new DescribeTopicsOptions { RequestTimeout = KafkaClientSettings.RequestTimeout })
                .ConfigureAwait(false)).TopicDescriptions;
        }
        catch (DescribeTopicsException some)
        {
            found = some.Results.TopicDescriptions;
        }

        HashSet<string> missing =
        [
            .. found.Where(topic => topic.Error.Code == ErrorCode.UnknownTopicOrPart).Select(topic => topic.Name),
        ];
        KafkaTopic[] toMake = [.. KafkaTopic.All.Where(topic => missing.Contains(topic.Name(_options.TopicPrefix)))];
        Compare(found);
        return toMake.Length > 0 && await MakeAsync(toMake).ConfigureAwait(false);
    }

    private void Compare(List<TopicDescription> found)
    {
        List<string> renewed = [];
        foreach (TopicDescription topic in found.Where(topic => !topic.Error.IsError))
        {
            string id = topic.TopicId.ToString();
            if (_ids.TryGetValue(topic.Name, out string? known) && known != id)
            {
                renewed.Add(topic.Name);
            }

            _ids[topic.Name] = id;
        }

        if (renewed.Count > 0)
        {
            KafkaLog.Renewed(_logger, string.Join(", ", renewed));
            _renewed(renewed);
        }
    }

    private async Task<bool> MakeAsync(KafkaTopic[] topics)
    {
        List<CreateTopicReport> refused = [];
        try
        {
            await _admin.CreateTopicsAsync(
                topics.Select(topic => topic.Specification(_options.TopicPrefix, _options.ReplicationFactor)),
                new CreateTopicsOptions { RequestTimeout = KafkaClientSettings.RequestTimeout }).ConfigureAwait(false);
        }
        catch (CreateTopicsException some)
        {
            refused = [.. some.Results.Where(one => one.Error.IsError)];
        }

        foreach (CreateTopicReport one in refused)
        {
            // Another process may have been first. The rest is said once: it is tried again and again.
            if (one.Error.Code != ErrorCode.TopicAlreadyExists && _refused.Add(one.Topic + one.Error.Code))
            {
                KafkaLog.TopicRefused(_logger, one.Topic, one.Error.Reason);
            }
        }

        KafkaTopic[] all = [.. topics.Where(topic => refused.All(one => one.Topic != topic.Name(_options.TopicPrefix)))];
        foreach (KafkaTopic made in all)
        {
            KafkaLog.TopicMade(_logger, made.Name(_options.TopicPrefix), made.Partitions, made.Retention);
        }

        return all.Length > 0;
    }
}
