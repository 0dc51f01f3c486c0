/** `history`: what the session ran, oldest first, as a list, a script or a notebook. */
import type { HistoryEntry, Session } from '../../client/session.js';
import { encodeJson } from '../../protocol/json.js';
import { isErrorCode, SockPythonError } from '../../protocol/errors.js';
import type { RunSummary } from '../../protocol/messages.js';
import { EXIT } from '../exit_codes.js';
import { UsageError } from '../failure.js';
import { type CellOutput, CellOutputs } from '../history/cell_outputs.js';
import { toNotebook } from '../history/notebook.js';
import { toScript } from '../history/script.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { withSession } from '../session_command.js';
import type { TargetFlags } from '../target.js';
import { parseCount } from '../values.js';
import { runsText } from './runs.js';
