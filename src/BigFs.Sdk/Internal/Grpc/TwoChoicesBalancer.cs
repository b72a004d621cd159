using Grpc.Core;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;

namespace BigFs.Internal.Grpc;

/// <summary>Makes the balancer of a role's channel.</summary>
internal sealed class TwoChoicesBalancerFactory(InstanceTable table) : LoadBalancerFactory
{
    public const string Policy = "bigfs_two_choices";

    public static LoadBalancingConfig Config => new(Policy);

    public override string Name => Policy;

    public override LoadBalancer Create(LoadBalancerOptions options) => new TwoChoicesBalancer(options.Controller, table);
}

/// <summary>
/// Keeps a connection to each instance of a role and lets <see cref="InstanceTable"/> choose among those that stand. Calls
/// wait for a first connection, never for one that failed before: such a call fails at once, or goes elsewhere, and the
/// connection is tried again beside it. The channel calls it one at a time.
/// </summary>
internal sealed class TwoChoicesBalancer(IChannelControlHelper controller, InstanceTable table) : LoadBalancer
{
    private readonly SortedDictionary<string, Link> _links = new(StringComparer.Ordinal);

    public override void UpdateChannelState(ChannelState state)
    {
        var addresses = new SortedDictionary<string, BalancerAddress>(StringComparer.Ordinal);
        foreach (BalancerAddress address in state.Addresses ?? [])
        {
            addresses[InstanceResolver.EndpointOf(address)] = address;
        }

        // Nothing known is no news: what was known may be called on.
        if (addresses.Count > 0)
        {
            foreach (Link gone in _links.Values.Where(link => !addresses.ContainsKey(link.Endpoint)).ToList())
            {
                _links.Remove(gone.Endpoint);
                gone.Subchannel.Dispose();
                table.Forget(gone.Endpoint);
            }

            List<Link> begun = [];
            foreach ((string endpoint, BalancerAddress address) in addresses)
            {
                if (!_links.ContainsKey(endpoint))
                {
                    var link = new Link(endpoint, controller.CreateSubchannel(new SubchannelOptions([address])));
                    link.Subchannel.OnStateChanged(change => Change(link, change));
                    _links[endpoint] = link;
                    begun.Add(link);
                }
            }

            begun.ForEach(link => link.Subchannel.RequestConnection());
        }

        Publish();
    }

    public override void RequestConnection()
    {
        foreach (Link link in _links.Values)
        {
            link.Subchannel.RequestConnection();
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (Link link in _links.Values)
        {
            link.Subchannel.Dispose();
        }

        _links.Clear();
    }

    private void Change(Link link, SubchannelState change)
    {
        if (!_links.TryGetValue(link.Endpoint, out Link? current) || current != link)
        {
            return;
        }

        link.State = change.State;
        link.Failure = change.State == ConnectivityState.Ready ? null
            : change.Status.StatusCode != StatusCode.OK ? WithReason(change.Status)
            : link.Failure;
        table.Note(link.Endpoint, link.Failure is not null);
        if (change.State == ConnectivityState.Idle)
        {
            link.Subchannel.RequestConnection();
        }

        Publish();
    }

    /// <summary>A time-out comes without an exception that would say so.</summary>
    private static Status WithReason(Status status) => status.DebugException is not null
        ? status
        : new Status(status.StatusCode, status.Detail, new TimeoutException("no connection came about in time"));

    private void Publish()
    {
        Choice[] choices = [.. _links.Values.Select(link => new Choice(link.Endpoint, link.Subchannel, link.State, link.Failure))];
        ConnectivityState state =
            choices.Any(choice => choice.IsReady) ? ConnectivityState.Ready
            : choices.Any(choice => choice.Failure is null) ? ConnectivityState.Connecting
            : ConnectivityState.TransientFailure;
        controller.UpdateState(new BalancerState(state, new Picker(choices, table)));
    }

    private sealed class Link(string endpoint, Subchannel subchannel)
    {
        public string Endpoint { get; } = endpoint;

        public Subchannel Subchannel { get; } = subchannel;

        public ConnectivityState State { get; set; } = ConnectivityState.Connecting;

        /// <summary>Why the last try to connect failed; null when it stands or was not tried yet.</summary>
        public Status? Failure { get; set; }
    }

    private sealed record Choice(string Endpoint, Subchannel Subchannel, ConnectivityState State, Status? Failure)
    {
        public bool IsReady => State == ConnectivityState.Ready;
    }

    private sealed class Picker(Choice[] choices, InstanceTable table) : SubchannelPicker
    {
        private static readonly Status NobodyKnown = new(StatusCode.Unavailable, "No instance is known.");

        private readonly string[] _ready = [.. choices.Where(choice => choice.IsReady).Select(choice => choice.Endpoint)];

        public override PickResult Pick(PickContext context)
        {
            CallRoute? route = CallRoute.Current;
            if (route?.Only is { } only)
            {
                return choices.FirstOrDefault(choice => choice.Endpoint == only) is { } meant
                    ? Take(meant, route)
                    : PickResult.ForFailure(NobodyKnown);
            }

            string[] ready = route is { Avoid.Count: > 0 } ? [.. _ready.Where(endpoint => !route.Avoid.Contains(endpoint))] : _ready;
            if (ready.Length > 0)
            {
                string chosen = table.Choose(ready);
                return Take(choices.First(choice => choice.Endpoint == chosen), route);
            }

            Choice[] left = [.. choices.Where(choice => route?.Avoid.Contains(choice.Endpoint) != true)];
            Choice? next = left.FirstOrDefault(choice => choice.Failure is null) ?? left.FirstOrDefault();
            return next is null ? PickResult.ForFailure(NobodyKnown) : Take(next, route);
        }

        private PickResult Take(Choice choice, CallRoute? route)
        {
            route?.Endpoint = choice.Endpoint;
            if (choice.IsReady)
            {
                return PickResult.ForSubchannel(choice.Subchannel, new Count(table, choice.Endpoint));
            }

            if (choice.Failure is not { } failure)
            {
                return PickResult.ForQueue();
            }

            if (route is null or { HasTriedAgain: true })
            {
                return PickResult.ForFailure(failure);
            }

            // It may be back: not later than somebody asks for it.
            route.HasTriedAgain = true;
            choice.Subchannel.RequestConnection();
            return PickResult.ForQueue();
        }
    }

    /// <summary>Counts a call while it waits for its answer.</summary>
    private sealed class Count(InstanceTable table, string endpoint) : ISubchannelCallTracker
    {
        public void Start() => table.Begin(endpoint);

        public void Complete(CompletionContext context) => table.End(endpoint);
    }
}
