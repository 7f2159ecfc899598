// An OpenID provider with people whose name is also their group, and one
// client for each algorithm. Its keys are new at each start.
//   node openid.mjs PORT SECRET REDIRECT
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, secret, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

function key(alg, type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
}

const client = (alg, more) => ({
  client_id: `vedette-${alg}`, client_secret: secret, redirect_uris: [redirect],
  id_token_signed_response_alg: alg, grant_types: ['authorization_code'], response_types: ['code'], ...more,
});

const provider = new Provider(issuer, {
  clients: [
    client('RS256'), client('ES256'), client('EdDSA', { token_endpoint_auth_method: 'client_secret_post' }),
    client('HS256'),
    { ...client('RS256', { client_id: 'public', token_endpoint_auth_method: 'none' }), client_secret: undefined },
  ],
  jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' }), key('EdDSA', 'ed25519')] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA', 'HS256'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  // With it an ID token says who somebody is, and userinfo the rest.
  conformIdTokenClaims: process.env.USERINFO === 'true',
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: id !== 'mallory', name: `Name of ${id}`, groups: [id, 'everybody'] }),
  }),
  pkce: { required: () => true },
  cookies: { keys: ['test'] },
  ttl: { IdToken: 600, AccessToken: 600, Interaction: 600, Session: 600, Grant: 600 },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
