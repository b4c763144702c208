// Node 18 has Web Crypto, but not as the global that jose and @digitalbazaar expect. To be imported first.
import {webcrypto} from 'node:crypto';

globalThis.crypto ??= webcrypto;
