using BigFs.Core.Security;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>Who may use a route of HTTP, as metadata of its endpoint; <see cref="RoutePolicies"/> has them all.</summary>
/// <param name="Method">The method, in upper case.</param>
/// <param name="Route">The route as <c>docs/gateway.md</c> writes it.</param>
/// <param name="Rights">Rights any of which suffices; none: everybody may, without a key.</param>
internal sealed record RoutePolicy(string Method, string Route, AccessRights Rights);
