import { inMacroTask } from './test/sim/scheduler.js';
import { World } from './test/sim/world.js';
import { RunningWal } from './src/storage/running-wal.js';
import { RaftCore } from './src/raft/core.js';
const seed=Number(process.argv[2]);
const P:any=RunningWal.prototype, orig=P.read; const H=new Map<number,number>();let w:any;
P.read=function(a:number,b:number,c:number,d:any){const k=Math.floor(w.scheduler.nowMillis/1000);H.set(k,(H.get(k)??0)+1);return orig.call(this,a,b,c,d)};
const C:any=RaftCore.prototype, st=C.step; const M=new Map<string,number>();let shown=0;const at=Number(process.argv[3]??-1);
C.step=function(i:any){if(i.type==='message'){const m=i.message;const k=Math.floor(w.scheduler.nowMillis/1000)+' '+m.type;M.set(k,(M.get(k)??0)+1);const s=w.scheduler.nowMillis/1000;if(at>0&&s>at&&shown++<80)console.log(s.toFixed(4),JSON.stringify({...m,entries:m.entries?m.entries.length:undefined}).slice(0,230));}return st.call(this,i)};
await inMacroTask(()=>{w=new World({seed,seconds:60,servers:null,without:new Set(),traceLines:0} as any);try{w.run(60)}catch(x){console.log(x)}});
console.log([...H].filter(([,n])=>n>200).join(' | '));
console.log([...M].filter(([,n])=>n>500).join(' | '));
console.log(w.swarm.faults, w.swarm.transport);process.exit(0)
