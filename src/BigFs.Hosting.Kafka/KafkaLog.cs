using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Kafka;

/// <summary>Events of the bus by Kafka; ids 1150 to 1159.</summary>
internal static partial class KafkaLog
{
    [LoggerMessage(EventId = 1150, EventName = "KafkaAway", Level = LogLevel.Warning,
        Message = "Kafka at {Servers} is away: events are lost till it is back, nothing else depends on it ({Reason})")]
    public static partial void Away(ILogger logger, string servers, string reason);

    [LoggerMessage(EventId = 1151, EventName = "KafkaBack", Level = LogLevel.Information, Message = "Kafka at {Servers} answers")]
    public static partial void Back(ILogger logger, string servers);

    [LoggerMessage(EventId = 1152, EventName = "KafkaTopicMade", Level = LogLevel.Information,
        Message = "Kafka topic {Topic} was missing and is made: {Partitions} partitions, kept for {Retention}")]
    public static partial void TopicMade(ILogger logger, string topic, int partitions, TimeSpan retention);

    [LoggerMessage(EventId = 1153, EventName = "KafkaTopicRefused", Level = LogLevel.Warning,
        Message = "Kafka topic {Topic} is missing and could not be made: {Reason}")]
    public static partial void TopicRefused(ILogger logger, string topic, string reason);

    [LoggerMessage(EventId = 1154, EventName = "KafkaPublisherLoss", Level = LogLevel.Warning,
        Message = "Kafka at {Servers} is away or slow: the oldest events are lost")]
    public static partial void Loss(ILogger logger, string servers);

    [LoggerMessage(EventId = 1155, EventName = "KafkaClient", Level = LogLevel.Debug, Message = "Kafka client: {Text}")]
    public static partial void Client(ILogger logger, string text);

    [LoggerMessage(EventId = 1156, EventName = "KafkaReaderRestarts", Level = LogLevel.Warning,
        Message = "Reading from Kafka at {Servers} failed and begins anew: {Reason}")]
    public static partial void ReaderRestarts(ILogger logger, string servers, string reason);

    [LoggerMessage(EventId = 1158, EventName = "KafkaTopicsRenewed", Level = LogLevel.Information,
        Message = "Kafka topics were deleted and made anew: {Topics}")]
    public static partial void Renewed(ILogger logger, string topics);

    [LoggerMessage(EventId = 1157, EventName = "KafkaReaderFailed", Level = LogLevel.Error,
        Message = "Reading from Kafka at {Servers} failed unexpectedly and begins anew")]
    public static partial void ReaderFailed(ILogger logger, string servers, Exception exception);
}
