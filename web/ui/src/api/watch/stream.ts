// A WebSocket that brings lines. Browsers allow six HTTP/1.1 connections a host but hundreds of
// these, so that whatever goes on comes by one.

/** How a stream ended: opened says whether it ever stood, the code is WebSocket's. */
export interface Ending {
  opened: boolean;
  code: number;
  reason: string;
}

export interface StreamHandlers {
  onOpen?(): void;
  /** Called with the non-empty lines of a message. */
  onLines(lines: string[]): void;
  /** Called once, however the stream ended. */
  onClose(ending: Ending): void;
}

/** Opens a stream on a path of this server; the function it returns ends it, without a further call. */
export function openStream(path: string, handlers: StreamHandlers): () => void {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  let opened = false;
  socket.onopen = () => {
    opened = true;
    handlers.onOpen?.();
  };
  socket.onmessage = (message: MessageEvent<string>) => {
    handlers.onLines(message.data.split("\n").filter((line) => line !== ""));
  };
  socket.onclose = ({ code, reason }) => handlers.onClose({ opened, code, reason });
  return () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Browsers complain of a connection that is closed before it stands.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  };
}
