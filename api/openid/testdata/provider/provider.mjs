// A certified OpenID provider for tests, on loopback, with its standard login and
// consent pages. It prints its issuer when it listens and ends with its input.
import http from 'node:http';
import Provider from 'oidc-provider';

const [redirect, audience] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {client_id: 'domain', client_secret: 'a-secret-of-the-domain', redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_basic'},
      {client_id: 'program-a', client_secret: 'a-secret-of-program-a', redirect_uris: [], response_types: [], grant_types: ['client_credentials']},
    ],
    features: {
      clientCredentials: {enabled: true},
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => ({scope: '', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: {sign: {alg: 'ES256'}}}),
      },
    },
    pkce: {required: () => true},
    jwks: {keys: JSON.parse(process.env.PROVIDER_KEYS)},
    cookies: {keys: ['cookies-of-a-test']},
    clientDefaults: {id_token_signed_response_alg: 'ES256'},
    enabledJWA: {idTokenSigningAlgValues: ['ES256']},
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.resume().on('end', () => process.exit(0));
