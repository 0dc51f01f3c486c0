/** How the command line introduces itself to a server, which tells it on: "restarted by sock-python 0.1.0". */
import { VERSION } from '../version.js';

export const CLIENT: { readonly name: string; readonly version: string } = { name: 'sock-python', version: VERSION };
